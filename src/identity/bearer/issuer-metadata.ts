import {
  allowInsecureRequests,
  customFetch,
  type DiscoveryRequestOptions,
  discovery,
  None,
  type ServerMetadata,
} from 'openid-client';
import type { BearerConfig } from '../../config/schema/index.ts';
import type { ProviderHttp } from '../provider/http.ts';
import { KeysUnavailable } from '../provider/keys.ts';
import { isLoopback } from '../provider/loopback.ts';

/** Issuers rarely move their keys to another address. */
const longestAgeMs = 3_600_000;
/** An issuer that is out is not asked again by every request. */
const pauseMs = 1000;

/**
 * Says where an issuer's keys are: as configured, or by OpenID Connect Discovery and else by RFC 8414. What was
 * found stays in use while the issuer is out. Rejects with KeysUnavailable.
 */
export function createIssuerMetadata(
  { jwksUri, timeout, insecureHttp }: BearerConfig,
  issuer: string,
  { fetch }: ProviderHttp,
  now: () => number = () => performance.now(),
): () => ServerMetadata | Promise<ServerMetadata> {
  if (jwksUri !== undefined) return () => ({ issuer, jwks_uri: jwksUri });
  let found: ServerMetadata | undefined;
  let failure: unknown;
  let askAgainAt = 0;
  let asking: Promise<ServerMetadata> | undefined;

  const ask = async (): Promise<ServerMetadata> => {
    try {
      found = await discoverIssuer(issuer, { fetch, timeout, insecureHttp });
      askAgainAt = now() + longestAgeMs;
      return found;
    } catch (error) {
      failure = error;
      askAgainAt = now() + pauseMs;
      if (found) return found;
      throw unavailable(error);
    } finally {
      asking = undefined;
    }
  };

  return () => {
    if (now() >= askAgainAt) {
      asking ??= ask();
      return asking;
    }
    if (found) return found;
    throw unavailable(failure);
  };
}

function unavailable(cause: unknown): KeysUnavailable {
  return new KeysUnavailable('the issuer of access tokens cannot be found', { cause });
}

async function discoverIssuer(
  issuer: string,
  { fetch, timeout, insecureHttp }: Pick<BearerConfig, 'timeout' | 'insecureHttp'> & ProviderFetch,
): Promise<ServerMetadata> {
  const insecure = insecureHttp || isLoopback(new URL(issuer));
  const lookUp = async (algorithm: NonNullable<DiscoveryRequestOptions['algorithm']>) => {
    const client = await discovery(new URL(issuer), 'unused', {}, None(), {
      [customFetch]: fetch,
      algorithm,
      timeout: timeout / 1000,
      execute: insecure ? [allowInsecureRequests] : [],
    });
    return client.serverMetadata();
  };
  const metadata = await lookUp('oidc').catch(() => lookUp('oauth2'));
  const { jwks_uri: uri } = metadata;
  if (uri === undefined) throw new Error('the issuer names no keys');
  if (!insecureHttp && new URL(uri).protocol !== 'https:' && !isLoopback(new URL(uri)))
    throw new Error("the issuer's jwks_uri is plain http; it is not used unless insecureHttp is set");
  // What else is stated is about ID tokens and logins, and not about access tokens.
  return { issuer: metadata.issuer, jwks_uri: uri };
}

type ProviderFetch = Pick<ProviderHttp, 'fetch'>;
