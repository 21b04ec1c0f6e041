import { errors, type JWTPayload } from 'jose';
import type { BearerConfig } from '../../config/schema/index.ts';
import type { ProviderHttp } from '../provider/http.ts';
import { KeysUnavailable, openKeySet } from '../provider/key-set.ts';
import { createProviderKeys } from '../provider/keys.ts';
import { audiencesOf, kindOf, type UnverifiedJwt, type VerifiedToken } from '../tokens/access-token.ts';
import { TokenRejected } from '../tokens/rejected.ts';
import { type IssuerNeeds, openIssuerMetadata } from './issuer-metadata.ts';

/** Verifies the JWT access tokens of one issuer. */
export interface JwtVerifier {
  /** As it is configured: a token of it may name it with a slash at the end more, or less. */
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
  const wanted = new Set(config.audience);
  const clockTolerance = config.clockTolerance / 1000;
  const { now } = needs.clock;
  const metadata = openIssuerMetadata(config, issuer, http, needs);
  const keys = createProviderKeys({
    metadata,
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
      const type = normalType(header.typ);
      const mayBeIdToken = config.insecureIdToken && idTokenTypes.has(type);
      if (!types.has(type) && !mayBeIdToken) throw new TokenRejected('The typ of the token is another');
      try {
        // Whatever slash the configuration has or lacks, a token names its issuer exactly as that one names itself.
        const { issuer: stated } = await metadata();
        const options = {
          issuer: stated,
          requiredClaims,
          clockTolerance,
          currentDate: new Date(now()),
        };
        const { payload } = await keys.verify(token, options);
        const { sub, iat = 0, exp, aud } = payload;
        if (typeof sub !== 'string' || sub === '') throw new TokenRejected('The token names no subject');
        const ahead = iat - now() / 1000;
        // Whose clock is off, the gateway's or the issuer's, nobody can tell here.
        if (ahead > clockTolerance)
          throw new TokenRejected(`The token was issued ${Math.round(ahead)} seconds in the future`);
        const audiences = audiencesOf(aud);
        checkKind(payload, { isAccessType: types.has(type), mayBeIdToken, audiences, wanted });
        return { issuer, subject: sub, audiences, claims: payload, expiresAt: exp };
      } catch (error) {
        if (error instanceof TokenRejected || error instanceof KeysUnavailable) throw error;
        throw new TokenRejected(descriptionOf(error), { cause: error });
      }
    },
  };
}

/** What the header of an ID token says, if anything (RFC 7519 §5.1). */
const idTokenTypes: ReadonlySet<string> = new Set(['', 'jwt']);

interface Kinds {
  /** The header says that it is an access token, or what is configured for one. */
  isAccessType: boolean;
  mayBeIdToken: boolean;
  audiences: readonly string[];
  wanted: ReadonlySet<string>;
}

/** Throws TokenRejected for anything but an access token, or an ID token where those count. */
function checkKind(payload: JWTPayload, { isAccessType, mayBeIdToken, audiences, wanted }: Kinds): void {
  const kind = kindOf(payload);
  if (isAccessType && kind === 'access token') return;
  if (!mayBeIdToken || kind === 'other') throw new TokenRejected('The token is not an access token');
  // OpenID Connect Core §3.1.3.7, items 3 to 5: of several audiences, one is the client that it was made for.
  const { azp } = payload;
  if (audiences.length > 1 && (typeof azp !== 'string' || !wanted.has(azp)))
    throw new TokenRejected('The ID token was made for another client');
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
