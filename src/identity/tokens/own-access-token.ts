import type { JWTPayload, JWTVerifyOptions } from 'jose';
import { GatewayError } from '../../errors.ts';
import { readToken, type UnverifiedJwt } from './access-token.ts';
import { TokenRejected } from './rejected.ts';

/** As with ID tokens. */
const clockToleranceSeconds = 60;

export interface AccessTokenChecks {
  /** Checks the signature, and what the options name. */
  verify(token: string, options: JWTVerifyOptions): Promise<{ payload: JWTPayload }>;
  /** The issuer that a token with these claims has to name. */
  issuerOf(claims: JWTPayload): string;
  /** Milliseconds since the epoch. */
  now: number;
}

/**
 * The claims of an access token that the gateway was given at the token endpoint. Whom it is for is not looked at: that
 * is an application, and the gateway only reads along. Rejects with GatewayError, or an error of the keys.
 */
export async function verifyAccessToken(
  token: string,
  { verify, issuerOf, now }: AccessTokenChecks,
): Promise<Readonly<Record<string, unknown>>> {
  const jwt = read(token);
  if (!jwt) throw refused('login_response_invalid', 'claims.from: the access token is no JWT');
  const { payload } = await verify(token, {
    issuer: issuerOf(jwt.payload),
    requiredClaims: ['exp', 'sub'],
    clockTolerance: clockToleranceSeconds,
    currentDate: new Date(now),
  });
  return payload;
}

function read(token: string): UnverifiedJwt | undefined {
  try {
    return readToken(token);
  } catch (error) {
    if (!(error instanceof TokenRejected)) throw error;
    throw refused('login_token_invalid', error.message);
  }
}

const refused = (code: 'login_response_invalid' | 'login_token_invalid', reason: string): GatewayError =>
  new GatewayError(code, { cause: new Error(reason) });
