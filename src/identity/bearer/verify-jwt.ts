import { errors } from 'jose';
import type { BearerConfig } from '../../config/schema/index.ts';
import type { ProviderHttp } from '../provider/http.ts';
import { createProviderKeys, KeysUnavailable, openKeySet } from '../provider/keys.ts';
import { audiencesOf, isOtherKind, type UnverifiedJwt, type VerifiedToken } from '../tokens/access-token.ts';
import { TokenRejected } from '../tokens/rejected.ts';
import { type IssuerNeeds, openIssuerMetadata } from './issuer-metadata.ts';

/** Verifies the JWT access tokens of one issuer. */
export interface JwtVerifier {
  issuer: string;
  /**
   * Every check but those of audience and binding, which depend on the request. Rejects with TokenRejected, or
   * with KeysUnavailable.
   */
  verify(token: string, jwt: UnverifiedJwt): Promise<VerifiedToken>;
  /** Changes when the issuer's keys were fetched anew. */
  generation(): number;
}

/** RFC 9068 §2.2; `client_id` and `jti` are left out by too many, and nothing here rests on them. */
const requiredClaims = ['iss', 'sub', 'aud', 'exp', 'iat'];

export function openJwtVerifier(
  config: BearerConfig,
  issuer: string,
  http: ProviderHttp,
  needs: IssuerNeeds,
): JwtVerifier {
  const algorithms: readonly string[] = config.algorithms;
  const types = new Set(config.type.map(normalType));
  const clockTolerance = config.clockTolerance / 1000;
  const { now } = needs.clock;
  const keys = createProviderKeys({
    metadata: openIssuerMetadata(config, issuer, http, needs),
    keySet: openKeySet({ ...config, issuer }, http, needs),
    only: algorithms,
  });
  return {
    issuer,
    generation: keys.generation,
    async verify(token, { header }) {
      // Before any key is fetched: what fails here fails whatever the key.
      if (!algorithms.includes(header.alg ?? ''))
        throw new TokenRejected('The algorithm of the token is not allowed');
      // RFC 9068 §4; RFC 8725 §3.11: so no ID token passes for an access token.
      if (!types.has(normalType(header.typ))) throw new TokenRejected('The typ of the token is another');
      try {
        const options = { issuer, requiredClaims, clockTolerance, currentDate: new Date(now()) };
        const { payload } = await keys.verify(token, options);
        const { sub, iat = 0, exp, aud } = payload;
        if (typeof sub !== 'string' || sub === '') throw new TokenRejected('The token names no subject');
        if (iat > now() / 1000 + clockTolerance)
          throw new TokenRejected('The token was issued in the future');
        if (isOtherKind(payload)) throw new TokenRejected('The token is no access token');
        return { issuer, subject: sub, audiences: audiencesOf(aud), claims: payload, expiresAt: exp };
      } catch (error) {
        if (error instanceof TokenRejected || error instanceof KeysUnavailable) throw error;
        throw new TokenRejected(descriptionOf(error), { cause: error });
      }
    },
  };
}

/** RFC 7515 §4.1.9: media types, in which case does not count and `application/` may be left out. */
function normalType(typ: unknown): string {
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : '';
}

function descriptionOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'The token has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `The claim ${error.claim} of the token is missing or wrong`;
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid)
    return 'The token is malformed';
  return 'The signature of the token cannot be verified';
}
