import type { BearerConfig } from '../../config/schema/index.ts';
import type { ResourceVerbs } from './client.ts';
import { type Credentials, secretAuthBy } from './client-auth.ts';
import { type ClientEndpoints, readAnswers } from './endpoint-answers.ts';
import type { ProviderFetch } from './http.ts';
import { createLibraryClient } from './library.ts';
import { introspectWith } from './resource-verbs.ts';

export interface IntrospectionEndpoint extends Credentials {
  endpoint: string;
}

/**
 * The one verb of a server that is known by its introspection endpoint alone (RFC 7662).
 * @param heard is told of each answer whether it takes the gateway as a client
 */
export function connectIntrospection(
  config: Pick<BearerConfig, 'issuer' | 'clientAuth' | 'timeout' | 'insecureHttp'>,
  { endpoint, clientId, clientSecret }: IntrospectionEndpoint,
  fetch: ProviderFetch,
  heard: Pick<ClientEndpoints, 'onRejected' | 'onAccepted'> = {},
): Pick<ResourceVerbs, 'introspect'> {
  const server = { issuer: config.issuer ?? new URL(endpoint).origin, introspection_endpoint: endpoint };
  const client = createLibraryClient(
    { server, clientId, auth: secretAuthBy(config.clientAuth, clientSecret) },
    {
      fetch: readAnswers(fetch, { token: [], others: [endpoint], type: 'oauth2', ...heard }),
      timeout: config.timeout,
      insecure: config.insecureHttp,
    },
  );
  return { introspect: (token) => introspectWith(client, token, 'access_token') };
}
