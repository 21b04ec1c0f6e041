import type { ProviderConfig } from '../../config/schema/index.ts';
import { isKeyedWithSecret } from './algorithms.ts';
import type { ClientEndpoints } from './endpoint-answers.ts';
import type { ProviderHttp } from './http.ts';
import { discover, mayBeInsecure, type ProviderMetadata } from './library.ts';
import { findUnsupported, requireSupport } from './support.ts';

/** The endpoints that the configuration gives by hand, in the names of RFC 8414. */
function givenMetadata(config: ProviderConfig): Partial<ProviderMetadata> {
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
function isComplete({
  type,
  authorizationEndpoint,
  tokenEndpoint,
  jwksUri,
  idTokenAlgorithms,
}: ProviderConfig): boolean {
  if (authorizationEndpoint === undefined || tokenEndpoint === undefined) return false;
  // What is keyed with the client secret needs no keys of the provider.
  return type === 'oauth2' || jwksUri !== undefined || idTokenAlgorithms?.every(isKeyedWithSecret) === true;
}

/** What is asked for the metadata of a provider, and what of the configuration takes their place. */
export interface MetadataSource {
  /** What changes the answer: those with the same settings share it. */
  settings: readonly unknown[];
  /** By which connections it is asked, as a key. */
  way: string;
  /** By discovery (OpenID Connect Discovery 1.0 §4, RFC 8414 §3), unless all endpoints are given by hand. */
  ask(): Promise<ProviderMetadata>;
  /** The metadata that count. Throws for those that are not to be trusted, or lack what is needed. */
  complete(found: ProviderMetadata): ProviderMetadata;
}

export function metadataSource(
  config: ProviderConfig,
  { key, trust, fetch }: Pick<ProviderHttp, 'key' | 'trust' | 'fetch'>,
): MetadataSource {
  const { issuer, issuerTemplate, timeout, type, metadataUrl } = config;
  const isDiscovered = metadataUrl !== undefined || !isComplete(config);
  const settings = { issuer, issuerTemplate, algorithms: [type], metadataUrl };
  const insecure = mayBeInsecure(config, issuer);
  return {
    settings: isDiscovered ? [settings, insecure, trust] : [issuer],
    way: key,
    ask: async () => (isDiscovered ? discover(settings, { fetch, timeout, insecure }) : { issuer }),
    complete(found) {
      const server = {
        ...found,
        ...givenMetadata(config),
        // RFC 9207 §2.4: metadata that nobody states cannot promise iss, which FAPI 2.0 §5.3.3 needs all the same.
        ...(config.profile === 'fapi2' &&
          !isDiscovered && { authorization_response_iss_parameter_supported: true }),
      };
      refuseInsecureEndpoints(server, config);
      requireSupport(config, server, isDiscovered);
      return server;
    },
  };
}

/** Finds a provider once, for `check`. Rejects when it cannot be found or used. */
export async function fetchMetadata(
  config: ProviderConfig,
  http: ProviderHttp,
): Promise<{ metadata: ProviderMetadata; unsupported: readonly string[] }> {
  const { ask, complete } = metadataSource(config, http);
  const metadata = complete(await ask());
  return { metadata, unsupported: findUnsupported(config, metadata) };
}

/** Where the gateway authenticates as a client; with a certificate also at the aliases (RFC 8705 §5). */
export function clientEndpoints({ type, tls }: ProviderConfig, server: ProviderMetadata): ClientEndpoints {
  const aliases = aliasesOf({ tls }, server);
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

/** Where userinfo is asked: with a certificate mostly at the alias. */
export const userinfoEndpoints = (config: ProviderConfig, server: ProviderMetadata) => [
  server.userinfo_endpoint,
  aliasesOf(config, server).userinfo_endpoint,
];

const aliasesOf = (
  { tls }: Pick<ProviderConfig, 'tls'>,
  server: ProviderMetadata,
): Partial<ProviderMetadata> => (tls === undefined ? {} : (server.mtls_endpoint_aliases ?? {}));

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

/**
 * An https issuer that sends tokens over http was misconfigured or tampered with. What the configuration gives by hand
 * may be on this machine beside a public issuer, and so may what is read on this machine.
 */
function refuseInsecureEndpoints(server: ProviderMetadata, config: ProviderConfig): void {
  const { insecureHttp, metadataUrl, issuer, tls } = config;
  if (!insecureHttp) {
    const given: Readonly<Record<string, unknown>> = givenMetadata(config);
    const isReadHere = isPlain(metadataUrl ?? issuer);
    const aliases = tls === undefined ? {} : (server.mtls_endpoint_aliases ?? {});
    const named = credentialEndpoints.map(
      (name) => [name, server[name], name in given || isReadHere] as const,
    );
    const aliased = Object.entries(aliases).map(([name, endpoint]) => [name, endpoint, isReadHere] as const);
    for (const [name, endpoint, mayBeHere] of [...named, ...aliased]) {
      if (typeof endpoint !== 'string' || !isPlain(endpoint)) continue;
      if (!mayBeHere || !mayBeInsecure(config, endpoint))
        throw new Error(`the provider's ${name} is plain http; it is not used unless insecureHttp is set`);
    }
  }
  if (server.authorization_endpoint === undefined || server.token_endpoint === undefined) {
    throw new Error('the provider names no authorization endpoint or no token endpoint');
  }
}

const isPlain = (url: string): boolean => new URL(url).protocol !== 'https:';
