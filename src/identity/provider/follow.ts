import { type Clock, promiseOf, within } from '../../clock.ts';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import type { ReadFile } from '../../files.ts';
import type { Keep } from '../../holdings.ts';
import type { Emit } from '../../observe/events.ts';
import type { Discovery } from './discovery.ts';
import type { ProviderHttp } from './http.ts';
import type { ProviderMetadata } from './library.ts';
import type { MetadataSource } from './metadata.ts';
import { openSigningKey, type SigningKey } from './private-key.ts';
import { createProviderLibrary, type ProviderLibrary } from './provider-library.ts';
import type { VerifyUserinfo } from './signed-userinfo.ts';
import type { Heard } from './standing.ts';

/** The search for a provider on behalf of one configuration, and what the library makes of what was found. */

export interface SearchNeeds {
  emit: Emit;
  clock: Clock;
  keep: Keep;
  /** Gives the text of a file that the configuration names. */
  read: ReadFile;
  http: Pick<ProviderHttp, 'fetch'>;
  source: MetadataSource;
  discovery: Discovery;
  /** Is told whether answers take the gateway as a client. */
  heard: Heard;
  verifyUserinfo: VerifyUserinfo;
}

export interface Search {
  /** Throws GatewayError 503 while the provider was never reached. */
  library(): ProviderLibrary;
  isReady(): boolean;
  /** Resolves when it was found, or could not be for the first time. */
  tried: Promise<void>;
  /** The same, for as long as one call may take. */
  settled(): Promise<void>;
  start(): void;
  stop(): void;
}

/** Makes the client of a provider whenever its metadata were found, and says how the search goes. */
export function followProvider(
  name: string,
  config: ProviderConfig,
  needs: SearchNeeds,
  onFound: () => void,
): Search {
  const { emit, clock, source, discovery } = needs;
  const signingKey = loadKey(name, config, needs);
  let library: ProviderLibrary | undefined;
  let hasFailed = false;
  let stop = () => {};
  let isTried = false;
  const { promise: tried, resolve } = promiseOf();
  const hasTried = () => {
    isTried = true;
    resolve();
  };

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
    async settled() {
      if (!isTried) await within(clock, config.timeout, tried);
    },
    library: () => library ?? refuseUnknown(discovery),
    start() {
      stop = discovery.follow({
        found(stated) {
          const metadata = source.complete(stated);
          const key = signingKey?.now();
          const make = (loaded: typeof key) => found(libraryOf(config, metadata, loaded, needs));
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

function libraryOf(
  config: ProviderConfig,
  metadata: ProviderMetadata,
  signingKey: SigningKey | undefined,
  { http, heard, clock, verifyUserinfo }: SearchNeeds,
): ProviderLibrary {
  return createProviderLibrary(config, metadata, { http, signingKey, clock, verifyUserinfo, ...heard });
}

function refuseUnknown(discovery: Discovery): never {
  throw new GatewayError('provider_unavailable', { retryAfter: discovery.askedAgainIn() + 1 });
}

/** A key that cannot be used is said at the start, not when the provider is found. */
function loadKey(name: string, config: ProviderConfig, needs: Pick<SearchNeeds, 'keep' | 'read'>) {
  try {
    return openSigningKey(config, needs);
  } catch (error) {
    throw new Error(`provider ${name}: ${(error as Error).message}`);
  }
}
