import {
  allowInsecureRequests,
  type ClientAuth,
  Configuration,
  clockTolerance,
  customFetch,
  type DiscoveryRequestOptions,
  discovery,
  None,
  type ServerMetadata,
} from 'openid-client';
import { type EgressRules, staysHere } from '../../egress/rules.ts';
import type { ProviderFetch } from './http.ts';
import { discoveryUrl, isIssuerOfTenants } from './tenants.ts';

/** What a provider states of itself (RFC 8414 §2), or the configuration states of it. */
export type ProviderMetadata = Readonly<ServerMetadata>;

/** How calls are made, whatever they ask. */
export interface Transport {
  fetch: ProviderFetch;
  /** Milliseconds for one call. */
  timeout: number;
  /** Plain http is allowed: the configuration says so, or nobody else is on the path. */
  insecure: boolean;
}

/** What says whether plain http is allowed. */
export interface Secrecy {
  insecureHttp: boolean;
  egress?: EgressRules;
}

/** Whether plain http is allowed to an address. */
export function mayBeInsecure({ insecureHttp, egress }: Secrecy, address: string): boolean {
  return insecureHttp || staysHere(new URL(address), egress);
}

export interface ClientSettings {
  server: ProviderMetadata;
  clientId: string;
  auth: ClientAuth;
  /** Milliseconds by which its clock may differ. */
  tolerance: number;
  /** The endpoints that ask for a certificate are taken (RFC 8705 §5). */
  useMtlsAliases?: boolean;
}

/** The client object of the library. It stays in this folder: others call the verbs of a `ProviderClient`. */
export function createLibraryClient(
  { server, clientId, auth, tolerance, useMtlsAliases = false }: ClientSettings,
  { fetch, timeout, insecure }: Transport,
): Configuration {
  const metadata = {
    [clockTolerance]: Math.floor(tolerance / 1000),
    ...(useMtlsAliases && { use_mtls_endpoint_aliases: true }),
  };
  const client = new Configuration(server, clientId, metadata, auth);
  client[customFetch] = fetch;
  client.timeout = timeout / 1000;
  if (insecure) allowInsecureRequests(client);
  return client;
}

type Algorithm = NonNullable<DiscoveryRequestOptions['algorithm']>;

export interface DiscoverySettings {
  issuer: string;
  /** The form of the issuers of a provider with one for each tenant. */
  issuerTemplate?: string | undefined;
  /** By OpenID Connect Discovery 1.0 §4, by RFC 8414 §3, or by the one and else the other. */
  algorithms: readonly Algorithm[];
}

/** Fetches the metadata of an issuer. Rejects when they cannot be had, or are not to be trusted. */
export async function discover(
  { issuer, issuerTemplate, algorithms }: DiscoverySettings,
  { fetch, timeout, insecure }: Transport,
): Promise<ProviderMetadata> {
  const address = issuerTemplate === undefined ? new URL(issuer) : discoveryUrl(issuer);
  let failure: unknown;
  for (const algorithm of algorithms) {
    try {
      const found = await discovery(address, 'unused', {}, None(), {
        [customFetch]: fetch,
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
      failure = error;
    }
  }
  throw failure;
}
