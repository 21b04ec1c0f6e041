/** One person's sign-in. Times are seconds since the epoch. */
export interface Session {
  /** Random, new at every login. */
  id: string;
  /** The name of the provider that the person signed in with. */
  provider: string;
  /** The `sub` of the ID token. */
  subject: string;
  /** The claims that the configuration uses, each by its dotted path; nothing else is kept. */
  claims: Readonly<Record<string, unknown>>;
  accessToken: string;
  /** Kept where a header template or the logout of the provider needs it. */
  idToken: string | undefined;
  createdAt: number;
  expiresAt: number;
}

/** The session as the text that gets sealed: short names, since it travels in every request. */
export function encodeSession(session: Session): string {
  return JSON.stringify({
    i: session.id,
    p: session.provider,
    s: session.subject,
    c: session.claims,
    a: session.accessToken,
    d: session.idToken,
    b: session.createdAt,
    e: session.expiresAt,
  });
}

/** Undefined for a text that is no session, such as one of an older format. */
export function decodeSession(text: string): Session | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (value === null || typeof value !== 'object') return undefined;
  const { i, p, s, c, a, d, b, e } = value as Record<string, unknown>;
  const isText = [i, p, s, a].every((field) => typeof field === 'string');
  const isComplete =
    isText && typeof b === 'number' && typeof e === 'number' && c !== null && typeof c === 'object';
  if (!isComplete || (d !== undefined && typeof d !== 'string')) return undefined;
  return {
    id: i as string,
    provider: p as string,
    subject: s as string,
    claims: c as Record<string, unknown>,
    accessToken: a as string,
    idToken: d,
    createdAt: b,
    expiresAt: e,
  };
}
