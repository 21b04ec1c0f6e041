import type { Configuration } from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { browserVerbs } from './browser-verbs.ts';
import type { ProviderClient } from './client.ts';
import { createClientAuth, secretAuth } from './client-auth.ts';
import { readAnswers } from './endpoint-answers.ts';
import type { ProviderFetch, ProviderHttp } from './http.ts';
import { createLibraryClient, mayBeInsecure, type ProviderMetadata } from './library.ts';
import { clientEndpoints } from './metadata.ts';
import type { SigningKey } from './private-key.ts';
import { resourceVerbs } from './resource-verbs.ts';
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
}

export function createProviderLibrary(
  config: ProviderConfig,
  metadata: ProviderMetadata,
  { http, signingKey, onRejected, onAccepted }: LibraryNeeds,
): ProviderLibrary {
  const auth = createClientAuth(config, metadata, signingKey);
  const endpoints = { ...clientEndpoints(config, metadata), onRejected, onAccepted };
  const insecure = mayBeInsecure(config, config.issuer);
  const create = ({ timeout = config.timeout, of, as }: ClientChoice): Configuration =>
    createLibraryClient(
      {
        server: of ? { ...metadata, issuer: of.issuer } : metadata,
        clientId: as?.clientId ?? config.clientId,
        auth: as ? secretAuth(as, metadata) : auth,
        tolerance: config.clockTolerance,
        // RFC 8705 §5: these endpoints are the ones that ask for a certificate.
        useMtlsAliases: config.tls !== undefined && !as,
      },
      { fetch: readAnswers(of?.fetch ?? http.fetch, endpoints), timeout, insecure },
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
