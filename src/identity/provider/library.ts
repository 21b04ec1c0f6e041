import {
  allowInsecureRequests,
  type ClientAuth,
  Configuration,
  customFetch,
  type DecryptionKey,
  type DiscoveryRequestOptions,
  discovery,
  enableDecryptingResponses,
  None,
  type ServerMetadata,
} from 'openid-client';
import { otherIssuerIn, readMetadata } from './discovery-answer.ts';
import type { ProviderFetch } from './http.ts';
import { isLoopback } from './loopback.ts';
import { discoveryUrl, isIssuerOfTenants } from './tenants.ts';

/** What a provider states of itself (RFC 8414 §2), or the configuration states of it. */
export type ProviderMetadata = Readonly<ServerMetadata>;

/** How calls are made, whatever they ask. */
export interface Transport {
  fetch: ProviderFetch;
  /** Milliseconds for one call. */
  timeout: number;
  /** Plain http is allowed, to whatever machine. */
  insecure: boolean;
}

/** Whether plain http is allowed to an address. */
export function mayBeInsecure({ insecureHttp }: { insecureHttp: boolean }, address: string): boolean {
  return insecureHttp || isLoopback(new URL(address));
}

export interface ClientSettings {
  server: ProviderMetadata;
  clientId: string;
  auth: ClientAuth;
  /** The endpoints that ask for a certificate are taken (RFC 8705 §5). */
  useMtlsAliases?: boolean;
  /** What opens ID tokens and userinfo that are encrypted. */
  decryption?: readonly DecryptionKey[];
}

/** The client object of the library. It stays in this folder: others call the verbs of a `ProviderClient`. */
export function createLibraryClient(
  { server, clientId, auth, useMtlsAliases = false, decryption = [] }: ClientSettings,
  { fetch, timeout, insecure }: Transport,
): Configuration {
  const metadata = useMtlsAliases ? { use_mtls_endpoint_aliases: true } : {};
  const client = new Configuration(server, clientId, metadata, auth);
  // The library allows plain http to every address or to none; one on this machine may stand beside a public issuer.
  client[customFetch] = insecure ? fetch : refusePlainHttp(fetch);
  allowInsecureRequests(client);
  client.timeout = timeout / 1000;
  if (decryption.length > 0) enableDecryptingResponses(client, undefined, ...decryption);
  return client;
}

/** Plain http goes to this machine alone: on the way to any other, somebody could read and change it. */
function refusePlainHttp(fetch: ProviderFetch): ProviderFetch {
  return async (url, options) => {
    const { protocol, origin } = new URL(url);
    if (protocol !== 'https:' && !isLoopback(new URL(url)))
      throw new Error(`${origin} is plain http; it is not asked unless insecureHttp is set`);
    return fetch(url, options);
  };
}

type Algorithm = NonNullable<DiscoveryRequestOptions['algorithm']>;

export interface DiscoverySettings {
  issuer: string;
  /** The form of the issuers of a provider with one for each tenant. */
  issuerTemplate?: string | undefined;
  /** By OpenID Connect Discovery 1.0 §4, by RFC 8414 §3, or by the one and else the other. */
  algorithms: readonly Algorithm[];
  /** Where the metadata are, in place of where these put them. */
  metadataUrl?: string | undefined;
}

/** Fetches the metadata of an issuer. Rejects when they cannot be had, or are not to be trusted. */
export async function discover(
  { issuer, issuerTemplate, algorithms, metadataUrl }: DiscoverySettings,
  { fetch, timeout, insecure }: Transport,
): Promise<ProviderMetadata> {
  const address = issuerTemplate === undefined ? new URL(issuer) : discoveryUrl(issuer);
  let failure: unknown;
  for (const algorithm of algorithms) {
    try {
      const found = await discovery(address, 'unused', {}, None(), {
        [customFetch]: readMetadata(fetch, metadataUrl),
        timeout: timeout / 1000,
        execute: insecure ? [allowInsecureRequests] : [],
        algorithm,
      });
      const metadata = found.serverMetadata();
      // The library compares issuers, unless they are many.
      if (issuerTemplate !== undefined && !isIssuerOfTenants(metadata.issuer, issuerTemplate)) {
        throw new Error(`the provider's issuer ${metadata.issuer} is not that of issuerTemplate`);
      }
      return metadata;
    } catch (error) {
      const other = otherIssuerIn(error);
      if (other !== undefined) throw mismatch(issuer, other, error);
      failure = error;
    }
  }
  throw failure;
}

/** Metadata of another issuer are not to be trusted (RFC 8414 §3.3), and mostly a slip of the pen. */
function mismatch(issuer: string, other: string, cause: unknown): Error {
  return new Error(
    `the provider calls itself ${other}, and the configuration calls it ${issuer}: where that is your provider, issuer has to be what it calls itself, letter by letter`,
    { cause },
  );
}
