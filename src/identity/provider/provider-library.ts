import type { ClientAuth, Configuration } from 'openid-client';
import type { Clock } from '../../clock.ts';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { algorithmChoice, allowedAlgorithms } from './algorithms.ts';
import { browserVerbs } from './browser-verbs.ts';
import type { ProviderClient } from './client.ts';
import { createClientAuth, secretAuth, supportedSecretMethod } from './client-auth.ts';
import { readAnswers } from './endpoint-answers.ts';
import type { ProviderFetch, ProviderHttp } from './http.ts';
import { createLibraryClient, type ProviderMetadata } from './library.ts';
import { clientEndpoints, userinfoEndpoints } from './metadata.ts';
import type { SigningKey } from './private-key.ts';
import { resourceVerbs } from './resource-verbs.ts';
import { signedSecretAuth } from './signed-secret.ts';
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
  clock: Pick<Clock, 'now'>;
  http: Pick<ProviderHttp, 'fetch'>;
  signingKey: SigningKey | undefined;
  verifyUserinfo: VerifyUserinfo;
}

/** The client of one provider, by the metadata that was found. */
export function createProviderLibrary(
  config: ProviderConfig,
  metadata: ProviderMetadata,
  { http, signingKey, clock, verifyUserinfo, onRejected, onAccepted }: LibraryNeeds,
): ProviderLibrary {
  const authAt = authAtEndpoints(config, metadata, { signingKey, clock });
  const endpoints = { ...clientEndpoints(config, metadata), onRejected, onAccepted };
  // The library looks at the algorithm before we do, of what it opens too: by our list, which is one for all.
  const choice = algorithmChoice(config);
  const server = {
    ...metadata,
    id_token_signing_alg_values_supported: [...allowedAlgorithms('ID token', metadata, choice)],
    userinfo_signing_alg_values_supported: [...allowedAlgorithms('userinfo answer', metadata, choice)],
  };
  const readers = (fetch: ProviderFetch) =>
    readSignedUserinfo(readAnswers(fetch, endpoints), userinfoEndpoints(config, metadata), verifyUserinfo);
  const create = ({ timeout = config.timeout, of, as, asks, fetch }: ClientChoice): Configuration =>
    createLibraryClient(
      {
        server: of ? { ...server, issuer: of.issuer } : server,
        clientId: as?.clientId ?? config.clientId,
        auth: as ? secretAuth(as, metadata) : authAt(asks),
        tolerance: config.clockTolerance,
        // RFC 8705 §5: these endpoints are the ones that ask for a certificate.
        useMtlsAliases: config.tls !== undefined && !as,
        ...(signingKey && { decryption: signingKey.decryption }),
      },
      { fetch: readers(fetch ?? of?.fetch ?? http.fetch), timeout, secrecy: config },
    );
  const client = rememberClients(create);
  // What the library does not take is said when the provider is found, and not at the first login.
  client();
  return {
    metadata,
    client,
    signingKey,
    unsupported: findUnsupported(config, metadata),
  };
}

/** A client object copies all metadata: those that many calls have in common are made once. */
function rememberClients(create: (choice: ClientChoice) => Configuration): ProviderLibrary['client'] {
  const made = new Map<string, Configuration>();
  return (choice = {}) => {
    const { timeout, of, as, asks, fetch } = choice;
    if (of || as || fetch) return create(choice);
    const key = `${timeout} ${asks}`;
    const client = made.get(key) ?? create(choice);
    made.set(key, client);
    return client;
  };
}

/** What authenticates at each of the endpoints; it may have to name the one that is asked. */
function authAtEndpoints(
  config: ProviderConfig,
  metadata: ProviderMetadata,
  { signingKey, clock }: Pick<LibraryNeeds, 'signingKey' | 'clock'>,
): (asks: ClientChoice['asks']) => ClientAuth {
  // A secret that somebody made by hand counts more than what a preset has in its place.
  if (config.secretFromKey && config.clientSecret === undefined && signingKey) {
    const method =
      config.clientAuth === 'client_secret_basic' || config.clientAuth === 'client_secret_post'
        ? config.clientAuth
        : supportedSecretMethod(metadata);
    const auth = signedSecretAuth(config, method, signingKey, clock);
    return () => auth;
  }
  const { mtls_endpoint_aliases: aliases = {} } = config.tls === undefined ? {} : metadata;
  const made = new Map<string, ClientAuth>();
  return (beside) => {
    const asks = beside ?? 'token_endpoint';
    const endpoint = (aliases as Partial<ProviderMetadata>)[asks] ?? metadata[asks];
    const auth = made.get(asks) ?? createClientAuth(config, metadata, { key: signingKey, endpoint });
    made.set(asks, auth);
    return auth;
  };
}

/** The calls to a provider. @param library throws GatewayError 503 while it was never reached */
export function createVerbs(
  config: ProviderConfig,
  { fetch, now, verifyUserinfo }: { fetch: ProviderFetch; now: Clock['now']; verifyUserinfo: VerifyUserinfo },
  library: () => ProviderLibrary,
): ProviderClient {
  const metadata = () => library().metadata;
  const needs = {
    config,
    fetch,
    metadata,
    client: (choice?: ClientChoice) => library().client(choice),
    signingKey: () => library().signingKey,
    now,
    verifyUserinfo,
  };
  return { metadata, ...tokenVerbs(needs), ...resourceVerbs(needs), ...browserVerbs(needs) };
}
