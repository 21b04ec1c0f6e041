type Members = Record<string, unknown>;

/** What a provider says in an error answer (RFC 6749 §5.2). */
export interface OAuthError {
  error: string;
  error_description?: string;
}

/** Longer than this no token lasts; it also keeps times within what a date can be. */
const longestLifeSeconds = 10 * 365 * 24 * 3600;

/** The error in a body, whatever its content type says; undefined where there is none. */
export function readOAuthError(body: string, contentType = ''): OAuthError | undefined {
  return errorOf(readMembers(body, contentType) ?? {});
}

function errorOf({ ok, error, error_description: description }: Members): OAuthError | undefined {
  if (isText(error)) return { error, ...(isText(description) && { error_description: description }) };
  // VK and Facebook have an object there.
  if (error !== null && typeof error === 'object') {
    const { error_code, code, type, error_msg, message } = error as Members;
    const name = [type, error_code, code].find((each) => isText(each) || Number.isSafeInteger(each));
    const said = [error_msg, message].find(isText);
    return {
      error: name === undefined ? 'error' : String(name),
      ...(said !== undefined && { error_description: said }),
    };
  }
  return ok === false ? { error: 'ok is false' } : undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** What may stand beside an error, in an answer that has nothing else to say. */
const besideErrors: ReadonlySet<string> = new Set([
  ...['ok', 'error', 'error_description', 'error_uri', 'error_code', 'error_msg'],
  ...['code', 'message', 'status', 'state', 'request_id', 'warning', 'response_metadata'],
]);

/** The error in an answer of a resource that HTTP calls a success: Slack says `ok: false`, others an error and no more. */
export function readRefusal(body: unknown): OAuthError | undefined {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return undefined;
  const members = body as Members;
  const isRefusal = members.ok === false || Object.keys(members).every((name) => besideErrors.has(name));
  return isRefusal ? errorOf(members) : undefined;
}

/** The members of a body that is a JSON object, or a form; undefined for anything else. */
export function readMembers(body: string, contentType: string): Members | undefined {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(contentType);
  if (!isForm) {
    try {
      const value: unknown = JSON.parse(body);
      return value !== null && typeof value === 'object' && !Array.isArray(value)
        ? (value as Members)
        : undefined;
    } catch {
      // Some send a form and call it something else.
      if (!/^\s*(access_token|error)=/.test(body)) return undefined;
    }
  }
  return Object.fromEntries(new URLSearchParams(body.trim()));
}

/**
 * A token answer (RFC 6749 §5.1) as the library takes it. The grant has happened, so that nothing is refused that can
 * be understood: members that are `null` or empty are absent, `scope` may be a list, `expires_in` a text, and a life of
 * no seconds is one that is not told. Undefined for what is no token answer.
 * @param asked whether an ID token is looked at, and a token that is bound to a key was asked for
 */
export function readTokens(
  members: Members | undefined,
  asked: { idToken: boolean; dpop: boolean },
): Members | undefined {
  if (!members) return undefined;
  const tokens = Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== null && value !== undefined && value !== ''),
  );
  if (typeof tokens.access_token !== 'string') return undefined;
  for (const name of ['refresh_token', 'id_token']) {
    if (typeof tokens[name] !== 'string') delete tokens[name];
  }
  if (!asked.idToken) delete tokens.id_token;
  // RFC 6749 §5.1 asks for the type; without one it is what was asked for, unless that was a bound token.
  if (tokens.token_type === undefined && !asked.dpop) tokens.token_type = 'bearer';
  const scope = Array.isArray(tokens.scope) ? tokens.scope.join(' ') : tokens.scope;
  if (typeof scope === 'string') tokens.scope = scope;
  else delete tokens.scope;
  const expiresIn = lifeOf(tokens.expires_in);
  if (expiresIn === undefined) delete tokens.expires_in;
  else tokens.expires_in = expiresIn;
  return tokens;
}

/** Whole seconds; undefined for what tells no life. */
function lifeOf(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 1) return undefined;
  return Math.min(Math.floor(seconds), longestLifeSeconds);
}
