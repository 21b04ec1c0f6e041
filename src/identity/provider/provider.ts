import { type Clock, promiseOf } from '../../clock.ts';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import type { ReadFile } from '../../files.ts';
import type { Keep } from '../../holdings.ts';
import type { Emit } from '../../observe/events.ts';
import type { Random } from '../../random.ts';
import type { Session } from '../../session/session.ts';
import type { CallerPerson } from '../claims/caller.ts';
import { type PersonRules, personRules, rememberPeople } from '../claims/person.ts';
import { verifyIdToken } from '../tokens/id-token.ts';
import type { Tokens } from '../tokens/tokens.ts';
import { fapi2Algorithms } from './algorithms.ts';
import { type Circuit, openRefreshCircuit } from './circuit.ts';
import type { ProviderClient } from './client.ts';
import { type Discovery, openDiscovery } from './discovery.ts';
import { openProviderHttp, type ProviderHttp } from './http.ts';
import { createProviderKeys, openKeySet, type ProviderKeys } from './keys.ts';
import type { ProviderMetadata } from './library.ts';
import { type MetadataSource, metadataSource } from './metadata.ts';
import { naturalKey } from './natural-key.ts';
import { openSigningKey } from './private-key.ts';
import { createProviderLibrary, createVerbs, type ProviderLibrary } from './provider-library.ts';
import { reportRejection } from './rejection.ts';
import { createStanding, type Heard, rejectionOf, type Standing, type Trouble } from './standing.ts';
import { expectedIssuer } from './tenants.ts';
import { watchCalls } from './watch-calls.ts';

/** A provider that people sign in with. It may be away at start and come and go later. */
export interface Provider {
  name: string;
  config: ProviderConfig;
  /**
   * Who is asked, and as which client: the key of what this process knows of that, whatever else is configured. Other
   * processes may have another one.
   */
  key: string;
  /** Where its claims say who somebody is. */
  personRules: PersonRules;
  /** Who a session of it is. */
  personOf(session: Session): CallerPerson;
  /** The calls to it. */
  client: ProviderClient;
  /** What the provider signs with. */
  keys: ProviderKeys;
  /** Checks what the library has not checked of an ID token. Rejects with GatewayError or an error of the keys. */
  verifyIdToken(tokens: Tokens): Promise<void>;
  /** Whether its metadata is known. */
  isReady(): boolean;
  /** What of it does not work now, as far as calls have told; one that nobody has called for a while is asked. */
  troubles(): Trouble[];
  /** Resolves when it was found, or could not be for the first time. */
  tried: Promise<void>;
  /** Nobody asks for it any more: it is not looked for on behalf of this one. */
  close(): void;
}

export interface ProviderNeeds {
  emit: Emit;
  clock: Clock;
  random: Random;
  keep: Keep;
  /** Gives the text of a file that the configuration names. */
  read: ReadFile;
}

/**
 * Starts to find the provider and goes on until it is found; then looks again every hour. What is known of one that
 * is asked in the same way is known at once. Throws when a file that its configuration names cannot be used.
 * @param onFound called when it is found for the first time
 */
export function connectProvider(
  name: string,
  config: ProviderConfig,
  needs: ProviderNeeds,
  onFound: (provider: Provider) => void,
): Provider {
  const { clock } = needs;
  const standing = createStanding(clock);
  const known = () => (finding.isReady() ? metadata() : undefined);
  const http = standing.watch(openWatched(name, config, needs, known));
  const source = metadataSource(config, http);
  const key = naturalKey(
    source.settings,
    http.trust,
    config.clientId,
    config.tokenEndpoint,
    config.userinfoEndpoint,
  );
  const discovery = openDiscovery(source, needs);
  const heard = standing.hear(reportRejection(needs.emit, name, config, { clock }));
  const finding = followProvider(name, config, { ...needs, http, source, discovery, heard }, () =>
    onFound(provider),
  );
  const metadata = () => finding.library().metadata;
  const keys = createProviderKeys({
    metadata,
    keySet: openKeySet(config, http, needs),
    algorithms: config.profile === 'fapi2' ? fapi2Algorithms : undefined,
  });
  const rules = personRules(config);
  const refreshes = openRefreshCircuit(needs.keep, key, needs);
  const provider: Provider = {
    name,
    config,
    key,
    personRules: rules,
    personOf: rememberPeople(rules),
    client: createVerbs(config, http.fetch, finding.library),
    keys,
    verifyIdToken: async (tokens) =>
      verifyIdToken(tokens, {
        verify: keys.verify,
        issuer: expectedIssuer(config, metadata().issuer, tokens.claims),
        clientId: config.clientId,
        now: clock.now(),
        clockTolerance: config.clockTolerance,
      }),
    isReady: finding.isReady,
    troubles() {
      if (finding.isReady()) standing.look(source.ask);
      return troublesOf(name, finding.isReady(), standing, refreshes);
    },
    tried: finding.tried,
    close: finding.stop,
  };
  finding.start();
  return provider;
}

/** At most one of each: a provider that is out is not told of twice. */
function troublesOf(
  name: string,
  isFound: boolean,
  standing: Standing,
  refreshes: Pick<Circuit, 'isOpen'>,
): Trouble[] {
  const troubles: Trouble[] = [];
  if (!isFound)
    troubles.push({ reason: 'provider_unreachable', name, detail: 'it was not found since the start' });
  else if (standing.isSilent())
    troubles.push({ reason: 'provider_unreachable', name, detail: 'the last call had no answer' });
  else if (refreshes.isOpen())
    troubles.push({ reason: 'provider_failing', name, detail: 'refreshes of several people fail' });
  return [...troubles, ...rejectionOf(name, standing)];
}

/** The connections, shared with whoever is set alike; each call is told of under the name of this provider. */
function openWatched(
  name: string,
  config: ProviderConfig,
  needs: ProviderNeeds,
  metadata: () => ProviderMetadata | undefined,
): ProviderHttp {
  const http = openProviderHttp(config, needs);
  return { ...http, fetch: watchCalls(http.fetch, { ...needs, name, metadata }) };
}

interface FindingNeeds extends ProviderNeeds {
  http: ProviderHttp;
  source: MetadataSource;
  discovery: Discovery;
  /** Is told whether answers take the gateway as a client. */
  heard: Heard;
}

interface Finding {
  /** Throws GatewayError 503 while the provider was never reached. */
  library(): ProviderLibrary;
  isReady(): boolean;
  tried: Promise<void>;
  start(): void;
  stop(): void;
}

/** Makes the client of a provider whenever its metadata were found, and says how the search goes. */
function followProvider(
  name: string,
  config: ProviderConfig,
  needs: FindingNeeds,
  onFound: () => void,
): Finding {
  const { emit, http, source, discovery, heard } = needs;
  const signingKey = loadKey(name, config, needs);
  let library: ProviderLibrary | undefined;
  let hasFailed = false;
  let stop = () => {};
  const { promise: tried, resolve: hasTried } = promiseOf();

  const found = (server: ProviderLibrary) => {
    const isFirst = library === undefined;
    library = server;
    hasTried();
    if (isFirst) {
      for (const sentence of server.unsupported) {
        emit({ kind: 'provider-lacks', provider: name, reason: sentence });
      }
      onFound();
    }
    if (hasFailed) emit({ kind: 'provider-found', provider: name, issuer: config.issuer });
    hasFailed = false;
  };

  return {
    isReady: () => library !== undefined,
    tried,
    library: () => library ?? refuseUnknown(discovery),
    start() {
      stop = discovery.follow({
        found(stated) {
          const metadata = source.complete(stated);
          const key = signingKey?.now();
          const make = (loaded: typeof key) =>
            found(
              createProviderLibrary(config, metadata, {
                http,
                signingKey: loaded,
                ...heard,
              }),
            );
          return signingKey && !key ? signingKey.loaded.then(make) : make(key);
        },
        failed(error, retryMs) {
          hasFailed = true;
          hasTried();
          const isKnown = library !== undefined;
          const about = { provider: name, issuer: config.issuer, error, retryMs, isKnown };
          emit({ kind: 'provider-not-found', ...about });
        },
      });
    },
    stop: () => stop(),
  };
}

function refuseUnknown(discovery: Discovery): never {
  throw new GatewayError('provider_unavailable', { retryAfter: discovery.askedAgainIn() + 1 });
}

/** A key that cannot be used is said at the start, not when the provider is found. */
function loadKey(name: string, config: ProviderConfig, needs: Pick<ProviderNeeds, 'keep' | 'read'>) {
  try {
    return openSigningKey(config, needs);
  } catch (error) {
    throw new Error(`provider ${name}: ${(error as Error).message}`);
  }
}
