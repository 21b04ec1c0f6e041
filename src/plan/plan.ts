import { withAccess } from '../access/decide.ts';
import { compileNetworks } from '../access/networks.ts';
import type { AssertionConfig, Config } from '../config/schema/index.ts';
import { KeyError, openFiles, type ReadFile } from '../files.ts';
import { resourceMetadata } from '../identity/bearer/resource-metadata.ts';
import { type ClaimNeeds, collectNeeds } from '../identity/claim-paths.ts';
import { readHttpSettings } from '../identity/provider/http.ts';
import { readPrivateKey } from '../identity/provider/private-key.ts';
import { compileRules, type Rule } from '../limits/rules.ts';
import { type ListenPlan, planListeners } from '../listen/listener.ts';
import { compilePeers, type PeerReader } from '../listen/peer.ts';
import { compileHosts, type Hosts } from '../routes/hosts.ts';
import { resourcesOf } from '../routes/resources.ts';
import { compileRoutes, type RouteTable } from '../routes/table.ts';
import { type GatewayCookies, gatewayCookies } from '../session/cookie-names.ts';
import { createKeyRing, type KeyRing } from '../session/key-ring.ts';
import { namingKeys } from './named-files.ts';
import { assertionsOf, type PlannedRoute, planRoutes } from './routes.ts';

/** What decides, from the first bytes of a request, where it goes. */
export interface Reader {
  readPeer: PeerReader;
  table: RouteTable;
  hosts: Hosts;
  /** The path below which the gateway's own endpoints live. */
  prefix: string;
}

/** Everything that is compiled from one version of the configuration. It never changes. */
export interface Plan {
  config: Config;
  /** The same with the rules of its routes compiled. */
  ruled: ReturnType<typeof withAccess<Config>>;
  reader: Reader;
  listeners: readonly ListenPlan[];
  /** Each at its index. */
  routes: readonly PlannedRoute[];
  cookies: GatewayCookies;
  ring: KeyRing;
  /** The authorities that `session.redis.ca` names, PEM, where there is a Redis. */
  redisCa: string | undefined;
  /** What sessions keep of the claims of a person. */
  claims: ClaimNeeds;
  /** The origins that browsers see. */
  origins: ReadonlySet<string>;
  /** How much may come in a time. */
  rateRules: readonly Rule[];
  /** Whether an address is one of `trustedProxies`. */
  isTrustedProxy(address: string): boolean;
  /** Every signed assertion that is configured. */
  assertions: readonly AssertionConfig[];
  /** The metadata of the resources that routes name (RFC 9728), by its place. */
  resources: ReadonlyMap<string, Record<string, unknown>>;
  /** Gives the text of a file that the configuration names, each as it was when the plan was compiled. */
  read: ReadFile;
}

export interface PlanOptions {
  /** Gives the contents of a key file; without it they are read from the disk. */
  read?: ReadFile;
}

/**
 * Compiles a configuration. It is pure but for reading key files, and opens nothing: the gateway, `check`, `explain`
 * and tests share it. Throws when a key file cannot be read.
 */
export function compilePlan(config: Config, { read: readFile = openFiles().read }: PlanOptions = {}): Plan {
  const read = namingKeys(config, readFile);
  const ruled = withAccess(config);
  const trusted = config.trustedProxies.flatMap(({ network }) => (network === 'unix' ? [] : [network]));
  // To look an address up makes objects, which a limit that is met in a flood does better without.
  const isTrustedProxy = trusted.length === 0 ? () => false : compileNetworks(trusted);
  const table = compileRoutes(ruled);
  const cookies = gatewayCookies(config);
  const routes = planRoutes(config, table.routes, cookies, read);
  const templates = routes.flatMap(({ headers }) => [...headers.values()]);
  const resources = [...resourcesOf(config)].map(
    ([place, resource]) => [place, resourceMetadata(config, resource)] as const,
  );
  return {
    config,
    ruled,
    reader: {
      readPeer: compilePeers(config.trustedProxies),
      table,
      hosts: compileHosts(config.publicUrl, table),
      prefix: config.endpoints.prefix,
    },
    listeners: planListeners(config, read, isTrustedProxy),
    routes,
    cookies,
    ring: createKeyRing(config.session.secret),
    redisCa: readRedisCa(config, read),
    claims: collectNeeds(config, templates),
    origins: new Set(config.publicUrl),
    rateRules: compileRules(config.rateLimit),
    isTrustedProxy,
    assertions: assertionsOf(config),
    resources: new Map(resources),
    read,
  };
}

/** Throws when the file cannot be read. */
export function readRedisCa(
  { session: { store, redis } }: Config,
  read: ReadFile = openFiles().read,
): string | undefined {
  const isUsed = store.kind === 'redis' || redis.url !== undefined;
  return isUsed && redis.ca !== undefined ? read(redis.ca) : undefined;
}

/**
 * Reads what is not of the plan itself: the files of providers and issuers, which are used where those are connected to.
 * Throws when one cannot be used, before anything is opened.
 */
export function readFilesOfProviders(config: Config, readFile: ReadFile): void {
  const { providers, bearer } = config;
  const read = namingKeys(config, readFile);
  for (const entry of bearer) readHttpSettings(entry, read);
  for (const [name, provider] of Object.entries(providers)) {
    readHttpSettings(provider, read);
    try {
      readPrivateKey(provider, read);
    } catch (error) {
      const place = name === 'default' ? 'provider' : `providers.${name}`;
      throw new KeyError(`${place}.privateKey`, (error as Error).message.replace(/^privateKey: /, ''));
    }
  }
}
