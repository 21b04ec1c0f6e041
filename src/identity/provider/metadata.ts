import {
  allowInsecureRequests,
  Configuration,
  type CustomFetch,
  customFetch,
  discovery,
  None,
  type ServerMetadata,
} from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { createClientAuth } from './client-auth.ts';
import { type ClientEndpoints, readAnswers } from './endpoint-answers.ts';
import { type ProviderHttp, refreshTimeoutMs } from './http.ts';
import { isLoopback } from './loopback.ts';
import { loadSigningKey, type SigningKey } from './private-key.ts';
import { findUnsupported, requireSupport } from './support.ts';
import { discoveryUrl, isIssuerOfTenants } from './tenants.ts';

/** The endpoints that the configuration gives by hand, in the names of RFC 8414. */
function givenMetadata(config: ProviderConfig): Partial<ServerMetadata> {
  const given: Record<string, string | undefined> = {
    authorization_endpoint: config.authorizationEndpoint,
    token_endpoint: config.tokenEndpoint,
    userinfo_endpoint: config.userinfoEndpoint,
    jwks_uri: config.jwksUri,
    end_session_endpoint: config.endSessionEndpoint,
    revocation_endpoint: config.revocationEndpoint,
    introspection_endpoint: config.introspectionEndpoint,
    pushed_authorization_request_endpoint: config.pushedAuthorizationRequestEndpoint,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Whether everything that a login needs is given by hand, so that nothing has to be discovered. */
function isComplete({ type, authorizationEndpoint, tokenEndpoint, jwksUri }: ProviderConfig): boolean {
  if (authorizationEndpoint === undefined || tokenEndpoint === undefined) return false;
  return type === 'oauth2' || jwksUri !== undefined;
}

/**
 * Finds the provider's endpoints, by discovery (OpenID Connect Discovery 1.0 §4, RFC 8414 §3) unless all
 * are given by hand, and makes the client that every call to the provider goes through. Rejects when discovery fails or
 * its answer is not to be trusted.
 * @param onRejected hears of each answer that does not take the gateway as a client
 */
export async function fetchMetadata(
  config: ProviderConfig,
  http: ProviderHttp,
  onRejected?: ClientEndpoints['onRejected'],
): Promise<ProviderClients> {
  const insecure = config.insecureHttp || isLoopback(new URL(config.issuer));
  const isDiscovered = !isComplete(config);
  const server = {
    ...(isDiscovered ? await discover(config, http, insecure) : { issuer: config.issuer }),
    ...givenMetadata(config),
    // RFC 9207 §2.4: metadata that nobody states cannot promise iss, which FAPI 2.0 §5.3.3 needs all the same.
    ...(config.profile === 'fapi2' &&
      !isDiscovered && { authorization_response_iss_parameter_supported: true }),
  };
  refuseInsecureEndpoints(server, config);
  requireSupport(config, server, isDiscovered);
  const signingKey = await loadSigningKey(config);
  const auth = createClientAuth(config, server, signingKey);
  // RFC 8705 §5: these endpoints are the ones that ask for a certificate.
  const metadata = config.tls && { use_mtls_endpoint_aliases: true };
  const endpoints = { ...clientEndpoints(config, server), onRejected };
  const fetch = readAnswers(http.fetch, endpoints);
  const createClient = (timeout: number, issuer = server.issuer, ownFetch = fetch) => {
    const client = new Configuration({ ...server, issuer }, config.clientId, metadata, auth);
    client[customFetch] = ownFetch;
    client.timeout = timeout / 1000;
    if (insecure) allowInsecureRequests(client);
    return client;
  };
  return {
    client: createClient(config.timeout),
    refreshClient: createClient(refreshTimeoutMs),
    ofIssuer: (issuer, timeout, ownFetch) => createClient(timeout, issuer, readAnswers(ownFetch, endpoints)),
    signingKey,
    unsupported: findUnsupported(config, server),
  };
}

/** Where the gateway authenticates as a client; with a certificate also at the aliases (RFC 8705 §5). */
function clientEndpoints({ type, tls }: ProviderConfig, server: ServerMetadata): ClientEndpoints {
  const aliases: Partial<ServerMetadata> = tls === undefined ? {} : (server.mtls_endpoint_aliases ?? {});
  return {
    type,
    token: [server.token_endpoint, aliases.token_endpoint],
    others: [server, aliases].flatMap((place) => [
      place.pushed_authorization_request_endpoint,
      place.introspection_endpoint,
      place.revocation_endpoint,
    ]),
  };
}

/** The clients for calls to one provider. */
export interface ProviderClients {
  client: Configuration;
  /** For refreshes, which must not be given up: the answer may hold the only refresh token there is. */
  refreshClient: Configuration;
  /** The client for answers of one issuer of several, with milliseconds for a call and what sends it. */
  ofIssuer(issuer: string, timeout: number, fetch: CustomFetch): Configuration;
  /** What signs request objects. */
  signingKey: SigningKey | undefined;
  /** What is configured and the provider does not offer, in sentences. */
  unsupported: readonly string[];
}

async function discover(
  config: ProviderConfig,
  http: ProviderHttp,
  insecure: boolean,
): Promise<ServerMetadata> {
  const { issuer, issuerTemplate } = config;
  const address = issuerTemplate === undefined ? new URL(issuer) : discoveryUrl(issuer);
  const found = await discovery(address, config.clientId, {}, None(), {
    [customFetch]: http.fetch,
    timeout: config.timeout / 1000,
    execute: insecure ? [allowInsecureRequests] : [],
    algorithm: config.type,
  });
  const metadata = found.serverMetadata();
  // The library compares issuers, unless they are many.
  if (issuerTemplate !== undefined && !isIssuerOfTenants(metadata.issuer, issuerTemplate)) {
    throw new Error(`the provider's issuer ${metadata.issuer} is not that of issuerTemplate`);
  }
  return metadata;
}

/** Where people, tokens, secrets or keys go to or come from. */
const credentialEndpoints = [
  'authorization_endpoint',
  'token_endpoint',
  'userinfo_endpoint',
  'jwks_uri',
  'end_session_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
  'pushed_authorization_request_endpoint',
] as const;

/** An https issuer that sends tokens over http was misconfigured or tampered with. */
function refuseInsecureEndpoints(server: ServerMetadata, config: ProviderConfig): void {
  if (config.insecureHttp) return;
  const aliases = config.tls === undefined ? {} : (server.mtls_endpoint_aliases ?? {});
  const named = credentialEndpoints.map((name) => [name, server[name]] as const);
  for (const [name, endpoint] of [...named, ...Object.entries(aliases)]) {
    if (typeof endpoint !== 'string') continue;
    if (new URL(endpoint).protocol !== 'https:' && !isLoopback(new URL(endpoint))) {
      throw new Error(`the provider's ${name} is plain http; it is not used unless insecureHttp is set`);
    }
  }
  if (server.authorization_endpoint === undefined || server.token_endpoint === undefined) {
    throw new Error('the provider names no authorization endpoint or no token endpoint');
  }
}
