import {
  buildAuthorizationUrl,
  buildAuthorizationUrlWithJAR,
  buildAuthorizationUrlWithPAR,
  buildEndSessionUrl,
  modifyAssertion,
} from 'openid-client';
import type { BrowserVerbs } from './client.ts';
import { libraryKey } from './client-auth.ts';
import type { VerbNeeds } from './verb-needs.ts';

/** The verbs that make addresses for browsers: authorization requests, pushed ones (RFC 9126), and logouts. */
export function browserVerbs({ client, signingKey }: VerbNeeds): BrowserVerbs {
  return {
    authorizationUrl: (parameters) => buildAuthorizationUrl(client(), parameters),
    push: async (parameters) =>
      buildAuthorizationUrlWithPAR(client({ asks: 'pushed_authorization_request_endpoint' }), parameters),
    async signRequest(parameters) {
      const key = signingKey();
      if (!key) throw new Error('requestObject needs a privateKey');
      const url = await buildAuthorizationUrlWithJAR(client(), parameters, libraryKey(key), {
        [modifyAssertion]: (header) => {
          header.alg = key.alg;
        },
      });
      return new URLSearchParams({ request: url.searchParams.get('request') ?? '' });
    },
    endSessionUrl: (parameters) => buildEndSessionUrl(client(), parameters).href,
  };
}
