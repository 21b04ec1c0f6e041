import { writeJson } from './form/json.ts';

/** One person's sign-in. Times are seconds since the epoch. */
export interface Session {
  /** Random, new at every login. */
  id: string;
  /** The name of the provider that the person signed in with. */
  provider: string;
  /** The `sub` of the ID token. */
  subject: string;
  /** The `sid` of the ID token: how the provider names this sign-in when it ends it. */
  providerSessionId: string | undefined;
  /** The claims that the configuration uses, each by its dotted path; nothing else is kept. */
  claims: Readonly<Record<string, unknown>>;
  /** The paths of the claims that userinfo or another endpoint gave, rather than an ID token. */
  fetchedClaims: readonly string[];
  /** When the provider should be asked for them again; undefined where only with new tokens. */
  claimsRefreshAt: number | undefined;
  accessToken: string;
  /** Undefined where the provider does not say. */
  accessTokenExpiresAt: number | undefined;
  /** When the access token should be replaced: somewhat before its end. */
  refreshAt: number | undefined;
  refreshToken: string | undefined;
  /** The private number of the key that the tokens are bound to (RFC 9449), in base64url. */
  dpopKey: string | undefined;
  /** Kept where a header template or the logout of the provider needs it. */
  idToken: string | undefined;
  /** With milliseconds: a sign-out ends what began before it, be it by little. */
  createdAt: number;
  /** The last request, as far as it was written down. */
  seenAt: number;
  /** The end, whatever happens before. */
  expiresAt: number;
}

type Field = 'text' | 'number' | 'map' | 'texts' | 'optional text' | 'optional number';

/** Short names, since a session travels in every request. */
const fields: Readonly<Record<keyof Session, readonly [short: string, kind: Field]>> = {
  id: ['i', 'text'],
  provider: ['p', 'text'],
  subject: ['s', 'text'],
  providerSessionId: ['q', 'optional text'],
  claims: ['c', 'map'],
  fetchedClaims: ['u', 'texts'],
  claimsRefreshAt: ['m', 'optional number'],
  accessToken: ['a', 'text'],
  accessTokenExpiresAt: ['x', 'optional number'],
  refreshAt: ['f', 'optional number'],
  refreshToken: ['r', 'optional text'],
  dpopKey: ['k', 'optional text'],
  idToken: ['d', 'optional text'],
  createdAt: ['b', 'number'],
  seenAt: ['l', 'number'],
  expiresAt: ['e', 'number'],
};

const entries = Object.entries(fields) as [keyof Session, readonly [string, Field]][];

/** The session as the text that gets sealed. A RangeError for claims nested deeper than can be written. */
export function encodeSession(session: Session): string {
  return writeJson(Object.fromEntries(entries.map(([name, [short]]) => [short, session[name]])), 2);
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
  const short = value as Record<string, unknown>;
  if (!entries.every(([, [name, kind]]) => isOfKind(short[name], kind))) return undefined;
  return Object.fromEntries(entries.map(([name, [key]]) => [name, short[key]])) as unknown as Session;
}

function isOfKind(value: unknown, kind: Field): boolean {
  if (value === undefined) return kind.startsWith('optional');
  if (kind === 'map') return value !== null && typeof value === 'object' && !Array.isArray(value);
  if (kind === 'texts') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  return typeof value === (kind.endsWith('text') ? 'string' : 'number');
}
