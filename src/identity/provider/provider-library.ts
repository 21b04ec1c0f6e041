import type { Configuration } from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { algorithmChoice, allowedAlgorithms } from './algorithms.ts';
import { browserVerbs } from './browser-verbs.ts';
import type { ProviderClient } from './client.ts';
import { createClientAuth, secretAuth } from './client-auth.ts';
import { readAnswers } from './endpoint-answers.ts';
import type { ProviderFetch, ProviderHttp } from './http.ts';
import { createLibraryClient, type ProviderMetadata } from './library.ts';
import { clientEndpoints } from './metadata.ts';
import type { SigningKey } from './private-key.ts';
import { resourceVerbs } from './resource-verbs.ts';
import { readSignedUserinfo, type VerifyUserinfo } from './signed-userinfo.ts';
import type { Heard } from './standing.ts';
import { findUnsupported } from './support.ts';
import { tokenVerbs } from './token-verbs.ts';
import type { ClientChoice } from './verb-needs.ts';

/** The library, set up for a provider that was found. */
export interface ProviderLibrary {
  metadata: ProviderMetadata;
  client(choice?: ClientChoice): Configuration;
  /** What signs request objects. */
  signingKey: SigningKey | undefined;
  /** What is configured and the provider does not offer, in sentences. */
  unsupported: readonly string[];
}

export interface LibraryNeeds extends Heard {
  http: Pick<ProviderHttp, 'fetch'>;
  signingKey: SigningKey | undefined;
  verifyUserinfo: VerifyUserinfo;
}

export function createProviderLibrary(
  config: ProviderConfig,
  metadata: ProviderMetadata,
  { http, signingKey, verifyUserinfo, onRejected, onAccepted }: LibraryNeeds,
): ProviderLibrary {
  const auth = createClientAuth(config, metadata, signingKey);
  const endpoints = { ...clientEndpoints(config, metadata), onRejected, onAccepted };
  // The library looks at the algorithm of an ID token before we do: by our list, which is one for all.
  const server = {
    ...metadata,
    id_token_signing_alg_values_supported: [
      ...allowedAlgorithms('ID token', metadata, algorithmChoice(config)),
    ],
  };
  const readers = (fetch: ProviderFetch) =>
    readSignedUserinfo(readAnswers(fetch, endpoints), metadata.userinfo_endpoint, verifyUserinfo);
  const create = ({ timeout = config.timeout, of, as }: ClientChoice): Configuration =>
    createLibraryClient(
      {
        server: of ? { ...server, issuer: of.issuer } : server,
        clientId: as?.clientId ?? config.clientId,
        auth: as ? secretAuth(as, metadata) : auth,
        // RFC 8705 §5: these endpoints are the ones that ask for a certificate.
        useMtlsAliases: config.tls !== undefined && !as,
      },
      { fetch: readers(of?.fetch ?? http.fetch), timeout, insecure: config.insecureHttp },
    );
  const standard = create({});
  return {
    metadata,
    client: (choice) => (choice === undefined ? standard : create(choice)),
    signingKey,
    unsupported: findUnsupported(config, metadata),
  };
}

/** The calls to a provider. @param library throws GatewayError 503 while it was never reached */
export function createVerbs(
  config: ProviderConfig,
  fetch: ProviderFetch,
  library: () => ProviderLibrary,
): ProviderClient {
  const metadata = () => library().metadata;
  const needs = {
    config,
    fetch,
    metadata,
    client: (choice?: ClientChoice) => library().client(choice),
    signingKey: () => library().signingKey,
  };
  return { metadata, ...tokenVerbs(needs), ...resourceVerbs(needs), ...browserVerbs(needs) };
}
