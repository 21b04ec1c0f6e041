import { decodeJwt, type JWTPayload } from 'jose';
import type { Clock } from '../../clock.ts';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { addressesOf } from './endpoint-answers.ts';
import type { ProviderFetch } from './http.ts';
import type { ProviderKeys } from './keys.ts';
import type { ProviderMetadata } from './library.ts';
import { expectedIssuer } from './tenants.ts';

/** Verifies a signed userinfo answer; gives its claims. Rejects with KeysUnavailable or an error of jose. */
export type VerifyUserinfo = (token: string) => Promise<JWTPayload>;

/**
 * Reads userinfo answers that are signed (OpenID Connect Core §5.3.2) before the library does, which knows no keys:
 * what was verified goes on as the JSON that it stands for. Any other answer stays as it is.
 * @param endpoints each address that the library may ask for userinfo (RFC 8705 §5), where there is one
 */
export function readSignedUserinfo(
  fetch: ProviderFetch,
  endpoints: readonly (string | undefined)[],
  verify: VerifyUserinfo,
): ProviderFetch {
  const addresses = addressesOf(endpoints);
  return async (url, options) => {
    const response = await fetch(url, options);
    if (!addresses.has(url) || response.status !== 200 || !isJwt(response)) return response;
    const token = (await response.text()).trim();
    // What is encrypted the library opens, and what is inside is verified then.
    if (isEncrypted(token)) return new Response(token, { headers: { 'content-type': 'application/jwt' } });
    return Response.json(await verify(token));
  };
}

/** RFC 7516 §9: five parts, where a signed one has three. */
const isEncrypted = (token: string): boolean => token.split('.').length === 5;

const isJwt = ({ headers }: Response): boolean =>
  /^application\/(?:[a-z0-9.-]+\+)?jwt\s*(?:;|$)/i.test(headers.get('content-type')?.trim() ?? '');

/** What checks the answers of one provider by the rules of its ID tokens: signature, algorithm, issuer, audience, times. */
export function userinfoVerifier(
  config: ProviderConfig,
  {
    keys,
    metadata,
    clock,
  }: { keys: Pick<ProviderKeys, 'verify'>; metadata(): ProviderMetadata; clock: Pick<Clock, 'now'> },
): VerifyUserinfo {
  return async (token) => {
    // Of a provider with an issuer for each tenant, the claims say which; that they are true is checked next.
    const claims = config.issuerTemplate === undefined ? undefined : decodeJwt(token);
    const { payload } = await keys.verify(
      token,
      {
        // §5.3.2: one that is signed has both.
        issuer: expectedIssuer(config, metadata().issuer, claims),
        audience: config.clientId,
        clockTolerance: config.clockTolerance / 1000,
        currentDate: new Date(clock.now()),
      },
      'userinfo answer',
    );
    return payload;
  };
}
