import {
  type Configuration,
  fetchProtectedResource,
  fetchUserInfo,
  getDecryptedResponses,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client';
import { readRefusal } from '../tokens/token-answer.ts';
import type { Introspection, ResourceVerbs } from './client.ts';
import { EndpointError } from './endpoint-error.ts';
import { provingFetch } from './proving-fetch.ts';
import type { VerbNeeds } from './verb-needs.ts';
import { errorCodeIn } from './verdict.ts';

/** The verbs that ask about a token, or with one: userinfo, introspection (RFC 7662), revocation (RFC 7009). */
export function resourceVerbs({ metadata, client, fetch, now, verifyUserinfo }: VerbNeeds): ResourceVerbs {
  return {
    async userinfo({ accessToken, proof }, subject) {
      const { userinfo_endpoint: endpoint = '' } = metadata();
      try {
        const claims = await fetchUserInfo(client(), accessToken, subject, proof && { DPoP: proof });
        refuseErrors(endpoint, claims);
        // Anybody can encrypt to the gateway: what was inside has to be signed. The library looks at no signature here.
        const signed = getDecryptedResponses(claims);
        if (typeof signed === 'string') await verifyUserinfo(signed);
        return claims;
      } catch (error) {
        refuseErrors(endpoint, bodyIn(error));
        throw error;
      }
    },
    async get({ accessToken, proof }, address) {
      const headers = new Headers({ accept: 'application/json' });
      const options = proof && { DPoP: proof };
      const response = await fetchProtectedResource(
        client(),
        accessToken,
        address,
        'GET',
        null,
        headers,
        options,
      );
      if (response.status !== 200) {
        await response.body?.cancel();
        const cause = isOverLimit(response) ? { status: 429 } : { status: response.status };
        throw new Error(`${address.host}${address.pathname} answered ${response.status}`, { cause });
      }
      const body: unknown = await response.json();
      refuseErrors(address.href, body);
      return { body, link: response.headers.get('link') };
    },
    introspect: async (token) => introspectWith(client({ asks: 'introspection_endpoint' }), token),
    async revoke(token, hint, key) {
      if (metadata().revocation_endpoint === undefined) return;
      const proofs = key === undefined ? undefined : provingFetch(fetch, key, now);
      const asking = client({ asks: 'revocation_endpoint', fetch: proofs?.fetch });
      const ask = () => tokenRevocation(asking, token, { token_type_hint: hint });
      try {
        await ask();
      } catch (error) {
        // RFC 9449 §8: once more, with the nonce that came with the refusal. The whole call, for a fresh assertion.
        if (!proofs?.hasNonce() || errorCodeIn(error) !== 'use_dpop_nonce') throw error;
        await ask();
      }
    },
  };
}

/** Throws EndpointError for an answer that is an error, whatever its status. */
function refuseErrors(endpoint: string, body: unknown): void {
  if (readRefusal(body) === undefined) return;
  // RFC 6749 §5.2 has the status that it should have had.
  const answer = { status: 400, contentType: 'application/json', body: JSON.stringify(body) };
  throw new EndpointError(endpoint, answer, { how: '200 with an error' });
}

/** What userinfo answered, where the library does not take it. */
function bodyIn(error: unknown): unknown {
  let current = error;
  for (let depth = 0; current instanceof Error && depth < 4; depth++) {
    const { cause } = current;
    if (cause !== null && typeof cause === 'object' && 'body' in cause) return cause.body;
    current = cause;
  }
  return undefined;
}

/** Looks a token up (RFC 7662 §2.1). */
export async function introspectWith(
  client: Configuration,
  token: string,
  hint?: 'access_token',
): Promise<Introspection> {
  const parameters = hint && { token_type_hint: hint };
  return (await tokenIntrospection(client, token, parameters)) as unknown as Introspection;
}

/** A limit that is used up says 403 at some: that is no refusal, but a matter of time. */
function isOverLimit({ status, headers }: Response): boolean {
  return status === 403 && (headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0');
}
