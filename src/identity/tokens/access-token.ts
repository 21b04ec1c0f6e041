import { decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import { TokenRejected } from './rejected.ts';

/** What is known of an access token that was verified. */
export interface VerifiedToken {
  issuer: string | undefined;
  subject: string;
  audiences: readonly string[];
  /** Everything that the issuer says. */
  claims: Readonly<Record<string, unknown>>;
  /** Seconds since the epoch; undefined where the issuer names no end. */
  expiresAt: number | undefined;
  /** The client that it was given to, where the issuer was asked for it (RFC 7662 §2.2). */
  clientId?: string | undefined;
}

/** A token in the shape of a JWT; nothing in it is to be believed yet. */
export interface UnverifiedJwt {
  header: ProtectedHeaderParameters;
  payload: JWTPayload;
}

/** Nobody has a larger one, and headers of a request have to fit together into 64 KiB. */
const largestToken = 16 * 1024;

/** RFC 6750 §2.1. */
const tokenCharacters = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * Header parameters that would have us fetch a key, take one along, or read the token in another way (RFC 8725
 * §3.10, RFC 7797). No issuer of access tokens needs them.
 */
const refusedParameters = ['crit', 'b64', 'jku', 'x5u', 'jwk'];

/**
 * Looks at a token before anything is asked about it. Gives its parts where it is a signed JWT, undefined where
 * it is opaque. Throws TokenRejected.
 */
export function readToken(token: string): UnverifiedJwt | undefined {
  if (token.length > largestToken) throw new TokenRejected('The token is too large');
  if (!tokenCharacters.test(token)) throw new TokenRejected('The token is malformed');
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return undefined;
  const header = headerOf(token);
  if (!header) return undefined;
  const refused = refusedParameters.find((name) => Object.hasOwn(header, name));
  if (refused !== undefined) throw new TokenRejected(`The token has the header parameter ${refused}`);
  try {
    return { header, payload: decodeJwt(token) };
  } catch (error) {
    throw new TokenRejected('The token is malformed', { cause: error });
  }
}

function headerOf(token: string): ProtectedHeaderParameters | undefined {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

/** The audiences of a claim `aud` (RFC 7519 §4.1.3). */
export function audiencesOf(aud: unknown): string[] {
  return [aud].flat().filter((each): each is string => typeof each === 'string' && each !== '');
}

/** The scopes of a token: `scope` of RFC 9068 §2.2.3 and RFC 7662 §2.2, or `scp`, as a text or a list. */
export function scopesOf({ scope, scp }: Readonly<Record<string, unknown>>): string[] {
  return [scope ?? scp ?? []]
    .flat()
    .filter((each) => typeof each === 'string')
    .flatMap((each) => each.split(' '))
    .filter((each) => each !== '');
}

/**
 * What the issuer signed or knows, by what ID tokens, refresh tokens and logout tokens have in them. RFC 9068 tells
 * access tokens apart by `typ`; not every issuer follows it.
 */
export function kindOf(claims: Readonly<Record<string, unknown>>): 'access token' | 'ID token' | 'other' {
  const { typ, token_use: use, events, nonce, at_hash, c_hash } = claims;
  const type = typeof typ === 'string' ? typ.toLowerCase() : undefined;
  if (events !== undefined || ['refresh', 'offline', 'logout'].includes(type ?? '')) return 'other';
  // Cognito says `access`, Hydra and Dex `access_token`.
  const isAccess = use === undefined || use === 'access' || use === 'access_token';
  if (!isAccess && use !== 'id' && use !== 'id_token') return 'other';
  if (type === 'id' || !isAccess) return 'ID token';
  // Access tokens of older Keycloak versions have a nonce too, and say what they are.
  const isLikeIdToken = [nonce, at_hash, c_hash].some((claim) => claim !== undefined);
  return type !== 'bearer' && isLikeIdToken ? 'ID token' : 'access token';
}
