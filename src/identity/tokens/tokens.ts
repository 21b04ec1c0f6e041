import type { JWTPayload } from 'jose';

/** The claims of an ID token (OpenID Connect Core §2). */
export type IdTokenClaims = Readonly<JWTPayload>;

/** What a token endpoint gave (RFC 6749 §5.1). */
export interface Tokens {
  accessToken: string;
  /** `token_type`, in small letters. */
  type: string;
  refreshToken: string | undefined;
  idToken: string | undefined;
  /** What the ID token says; undefined where there is none. */
  claims: IdTokenClaims | undefined;
  /** Seconds; undefined where the provider does not say how long the access token is good. */
  expiresIn: number | undefined;
  /** What a token exchange gave (RFC 8693 §2.2.1). */
  issuedType: string | undefined;
}

/** Whether an access token is bound, where a key was shown for it, and is not where none was (RFC 9449 §5). */
export function isTokenType({ dpopKey }: { dpopKey?: string | undefined }, { type }: Tokens): boolean {
  return type === (dpopKey === undefined ? 'bearer' : 'dpop');
}
