import type { Configuration, CustomFetch } from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { describeError, type Logger } from '../../observe/log.ts';
import { type PersonRules, personRules } from '../person.ts';
import { fapi2Algorithms } from './algorithms.ts';
import { createProviderHttp } from './http.ts';
import { createProviderKeys, type ProviderKeys } from './keys.ts';
import { fetchMetadata, type ProviderClients } from './metadata.ts';
import { readPrivateKey, type SigningKey } from './private-key.ts';
import { reportRejection } from './rejection.ts';

/** A provider that people sign in with. It may be away at start and come and go later. */
export interface Provider {
  name: string;
  config: ProviderConfig;
  /** Where its claims say who somebody is. */
  personRules: PersonRules;
  /** The client for calls to the provider. Throws GatewayError 503 while the provider was never reached. */
  client(): Configuration;
  /** The same, for refreshes, which are waited for longer than anything else. */
  refreshClient(): Configuration;
  /** The same, for a provider with an issuer for each tenant. */
  clientOfIssuer: ProviderClients['ofIssuer'];
  /** What requests to it are sent with. */
  fetch: CustomFetch;
  /** What signs for the gateway itself; undefined without a `privateKey`. */
  signingKey(): SigningKey | undefined;
  /** What the provider signs with. */
  keys: ProviderKeys;
  /** Whether its metadata is known. */
  isReady(): boolean;
  close(): Promise<void>;
}

const firstRetryMs = 500;
const longestRetryMs = 15_000;
/** Providers move endpoints rarely; the keys of tokens are fetched apart from this, when they are needed. */
const refreshMs = 3_600_000;

/**
 * Starts to find the provider and goes on until it is found; then looks again every hour. Throws when a file that
 * its configuration names cannot be used.
 * @param onFound called when it is found for the first time
 */
export function connectProvider(
  name: string,
  config: ProviderConfig,
  log: Logger,
  onFound: (provider: Provider) => void,
): Provider {
  log.keepSecrets([config.clientSecret ?? '']);
  const http = createProviderHttp(config);
  // A key that cannot be used is said at the start, not when the provider is found.
  try {
    readPrivateKey(config);
  } catch (error) {
    throw new Error(`provider ${name}: ${(error as Error).message}`);
  }
  let clients: ProviderClients | undefined;
  let failures = 0;
  let nextAttemptAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const schedule = (delayMs: number) => {
    if (closed) return;
    nextAttemptAt = performance.now() + delayMs;
    timer = setTimeout(attempt, delayMs);
    timer.unref();
  };

  const attempt = async () => {
    try {
      const isFirst = clients === undefined;
      clients = await fetchMetadata(config, http, reportRejection(log, name, config));
      if (isFirst) {
        for (const sentence of clients.unsupported) {
          log.warn({ provider: name, reason: sentence }, 'the provider does not offer what is configured');
        }
        onFound(provider);
      }
      if (failures > 0) log.info({ provider: name, issuer: config.issuer }, 'provider found');
      failures = 0;
      schedule(refreshMs);
    } catch (error) {
      if (closed) return;
      failures += 1;
      const backOff = Math.min(longestRetryMs, firstRetryMs * 2 ** (failures - 1));
      // Instances that were started together must not come back together.
      const delayMs = Math.round(backOff * (0.5 + Math.random() / 2));
      log.warn(
        { provider: name, issuer: config.issuer, reason: describeError(error), retryMs: delayMs },
        clients
          ? 'provider metadata could not be refreshed; the known metadata stays in use'
          : 'provider not found',
      );
      schedule(delayMs);
    }
  };
  const found = (): ProviderClients => {
    if (clients) return clients;
    throw new GatewayError('provider_unavailable', {
      retryAfter: (nextAttemptAt - performance.now()) / 1000 + 1,
    });
  };

  const provider: Provider = {
    name,
    config,
    personRules: personRules(config),
    keys: createProviderKeys({
      metadata: () => found().client.serverMetadata(),
      fetch: http.fetch,
      timeout: config.timeout,
      algorithms: config.profile === 'fapi2' ? fapi2Algorithms : undefined,
    }),
    isReady: () => clients !== undefined,
    client: () => found().client,
    refreshClient: () => found().refreshClient,
    clientOfIssuer: (...args) => found().ofIssuer(...args),
    fetch: http.fetch,
    signingKey: () => found().signingKey,
    async close() {
      closed = true;
      clearTimeout(timer);
      await http.close();
    },
  };
  void attempt();
  return provider;
}
