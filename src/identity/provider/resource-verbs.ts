import {
  type Configuration,
  fetchProtectedResource,
  fetchUserInfo,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client';
import type { Introspection, ResourceVerbs } from './client.ts';
import type { VerbNeeds } from './verb-needs.ts';

export function resourceVerbs({ metadata, client }: VerbNeeds): ResourceVerbs {
  return {
    userinfo: async ({ accessToken, proof }, subject) =>
      fetchUserInfo(client(), accessToken, subject, proof && { DPoP: proof }),
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
      return { body: await response.json(), link: response.headers.get('link') };
    },
    introspect: async (token) => introspectWith(client(), token),
    async revoke(token, hint) {
      if (metadata().revocation_endpoint === undefined) return;
      await tokenRevocation(client(), token, { token_type_hint: hint });
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

/** A limit that is used up says 403 at some: that is no refusal, but a matter of time. */
function isOverLimit({ status, headers }: Response): boolean {
  return status === 403 && (headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0');
}
