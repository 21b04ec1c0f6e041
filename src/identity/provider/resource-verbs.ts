import {
  type Configuration,
  fetchProtectedResource,
  fetchUserInfo,
  getDecryptedResponses,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client';
import type { Introspection, ResourceVerbs } from './client.ts';
import { provingFetch } from './proving-fetch.ts';
import { answerFault, refusalIn, resourceFault } from './resource-fault.ts';
import type { VerbNeeds } from './verb-needs.ts';
import { errorCodeIn } from './verdict.ts';

/** The verbs that ask about a token, or with one: userinfo, introspection (RFC 7662), revocation (RFC 7009). */
export function resourceVerbs({ metadata, client, fetch, now, verifyUserinfo }: VerbNeeds): ResourceVerbs {
  return {
    async userinfo({ accessToken, proof }, subject) {
      const { userinfo_endpoint: endpoint = '' } = metadata();
      try {
        const claims = await fetchUserInfo(client(), accessToken, subject, proof && { DPoP: proof });
        const refusal = refusalIn(endpoint, claims);
        if (refusal) throw refusal;
        // Anybody can encrypt to the gateway: what was inside has to be signed. The library looks at no signature here.
        const signed = getDecryptedResponses(claims);
        if (typeof signed === 'string') await verifyUserinfo(signed);
        return claims;
      } catch (error) {
        throw await resourceFault(error, endpoint);
      }
    },
    async get({ accessToken, proof }, address) {
      const headers = new Headers({ accept: 'application/json' });
      const options = proof && { DPoP: proof };
      const method = 'GET';
      const place = `${address.host}${address.pathname}`;
      const fault = (cause: unknown) => new Error(`${place} answered with an error`, { cause });
      let response: Response;
      try {
        response = await fetchProtectedResource(
          client(),
          accessToken,
          address,
          method,
          null,
          headers,
          options,
        );
      } catch (error) {
        const cause = await resourceFault(error, address.href);
        throw cause === error ? error : fault(cause);
      }
      if (response.status !== 200) throw fault(await answerFault(response, address.href));
      const body: unknown = await response.json();
      const refusal = refusalIn(address.href, body);
      if (refusal) throw refusal;
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

/** Looks a token up (RFC 7662 §2.1). */
export async function introspectWith(
  client: Configuration,
  token: string,
  hint?: 'access_token',
): Promise<Introspection> {
  const parameters = hint && { token_type_hint: hint };
  return (await tokenIntrospection(client, token, parameters)) as unknown as Introspection;
}
