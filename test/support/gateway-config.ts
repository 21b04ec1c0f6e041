import { randomBytes } from 'node:crypto';
import { parse, stringify } from 'yaml';
import type { Clock } from '../../src/clock.ts';
import type { Config, ProviderConfig } from '../../src/config/schema/index.ts';
import type { OpenSink } from '../../src/observe/sinks/sink.ts';
import type { TestProvider } from './provider.ts';

/** What a test says of the gateway that it wants; everything else is filled in. */
export interface GatewayParts {
  /** Where the person signs in; none for tests that never do: then an address on which nobody listens. */
  provider?: Pick<TestProvider, 'issuer' | 'clientId' | 'clientSecret' | 'allowRedirectsTo'> | undefined;
  /** The upstream of the one route `/`; leave it out when `config` has routes. */
  upstream?: string | { url: string } | undefined;
  /** More of the configuration, as YAML or as an object; maps are merged, the rest is replaced. */
  config?: string | Record<string, unknown> | undefined;
  /** False starts without waiting for the provider to be found, for tests of its absence (true). */
  awaitProvider?: boolean | undefined;
  /** The environment that the configuration sees (empty). */
  env?: NodeJS.ProcessEnv | undefined;
  /** The time that the life of sessions and the waits for the provider go by (the real one). */
  clock?: Clock | undefined;
  /** More sinks beside the log. */
  sinks?: readonly OpenSink[] | undefined;
}

/** Writes the configuration file of a gateway on a port of 127.0.0.1, in the style of the documentation. */
export function gatewayYaml({ provider, upstream, config }: GatewayParts, port: number): string {
  const origin = `http://127.0.0.1:${port}`;
  const base: Record<string, unknown> = {
    publicUrl: origin,
    listen: `127.0.0.1:${port}`,
    admin: { listen: 'off' },
    provider: {
      issuer: provider?.issuer ?? 'http://127.0.0.1:9',
      clientId: provider?.clientId ?? 'app',
      ...authentication(provider),
      scopes: ['openid', 'profile', 'email', 'groups'],
    },
    session: { secret: randomBytes(32).toString('base64') },
  };
  if (upstream !== undefined) base.upstream = typeof upstream === 'string' ? upstream : upstream.url;
  const more = typeof config === 'string' ? (parse(config) as Record<string, unknown>) : (config ?? {});
  return stringify(merge(base, more));
}

/** The provider of a configuration that has one. */
export function onlyProvider({ providers }: Config): ProviderConfig {
  const [provider, ...others] = Object.values(providers);
  if (!provider || others.length > 0) throw new Error('not one provider');
  return provider;
}

function authentication(provider: GatewayParts['provider']): Record<string, string> {
  const clientSecret = provider ? provider.clientSecret : 'never used';
  return clientSecret === undefined ? { clientAuth: 'none' } : { clientSecret };
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    if (value === undefined) delete merged[key];
    else merged[key] = isMap(below) && isMap(value) ? merge(below, value) : value;
  }
  return merged;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
