import type { Clock } from '../../clock.ts';
import type { ProviderConfig } from '../../config/schema/index.ts';
import type { ReadFile } from '../../files.ts';
import type { Keep } from '../../holdings.ts';
import type { Emit } from '../../observe/events.ts';
import type { Random } from '../../random.ts';
import type { Session } from '../../session/session.ts';
import type { CallerPerson } from '../claims/caller.ts';
import { type PersonRules, personRules, rememberPeople } from '../claims/person.ts';
import { verifyIdToken } from '../tokens/id-token.ts';
import { verifyAccessToken } from '../tokens/own-access-token.ts';
import type { Tokens } from '../tokens/tokens.ts';
import { algorithmChoice } from './algorithms.ts';
import { type Circuit, openRefreshCircuit } from './circuit.ts';
import type { ProviderClient } from './client.ts';
import { openDiscovery } from './discovery.ts';
import { followProvider } from './follow.ts';
import { openProviderHttp, type ProviderHttp } from './http.ts';
import { openKeySet } from './key-set.ts';
import { createProviderKeys, type ProviderKeys } from './keys.ts';
import type { ProviderMetadata } from './library.ts';
import { metadataSource } from './metadata.ts';
import { naturalKey } from './natural-key.ts';
import { createVerbs } from './provider-library.ts';
import { reportRejection } from './rejection.ts';
import { userinfoVerifier } from './signed-userinfo.ts';
import { createStanding, rejectionOf, type Standing, type Trouble } from './standing.ts';
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
  /**
   * The claims of a JWT access token of this provider (RFC 9068). Rejects with GatewayError for anything but a JWT, and
   * with an error of the keys for one that cannot be verified.
   */
  accessTokenClaims(accessToken: string): Promise<Readonly<Record<string, unknown>>>;
  /** Whether its metadata is known. */
  isReady(): boolean;
  /** What of it does not work now, as far as calls have told; one that nobody has called for a while is asked. */
  troubles(): Trouble[];
  /** Resolves when it was found, or could not be for the first time. */
  tried: Promise<void>;
  /**
   * Waits for the first search, for as long as one call may take: who comes right after a start need not be sent away.
   * At once when that has ended, found or not.
   */
  settled(): Promise<void>;
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
  const keys = createProviderKeys({
    metadata: () => metadata(),
    keySet: openKeySet(config, http, needs),
    clientSecret: config.clientSecret,
    ...algorithmChoice(config),
  });
  const verifyUserinfo = userinfoVerifier(config, { keys, metadata: () => metadata(), clock });
  const calls = { http, source, discovery, heard, verifyUserinfo };
  const finding = followProvider(name, config, { ...needs, ...calls }, () => onFound(provider));
  const metadata = () => finding.library().metadata;
  const rules = personRules(config);
  const refreshes = openRefreshCircuit(needs.keep, key, needs);
  const provider: Provider = {
    name,
    config,
    key,
    personRules: rules,
    personOf: rememberPeople(rules),
    client: createVerbs(config, { fetch: http.fetch, now: clock.now, verifyUserinfo }, finding.library),
    keys,
    ...tokenChecks(config, { keys, metadata, clock }),
    isReady: finding.isReady,
    troubles() {
      if (finding.isReady()) standing.look(source.ask);
      return troublesOf(name, finding.isReady(), standing, refreshes);
    },
    tried: finding.tried,
    settled: finding.settled,
    close: finding.stop,
  };
  finding.start();
  return provider;
}

interface CheckNeeds {
  keys: ProviderKeys;
  metadata(): ProviderMetadata;
  clock: Pick<Clock, 'now'>;
}

/** What is checked of tokens that the provider gave. */
function tokenChecks(
  config: ProviderConfig,
  { keys, metadata, clock }: CheckNeeds,
): Pick<Provider, 'verifyIdToken' | 'accessTokenClaims'> {
  return {
    verifyIdToken: async (tokens) =>
      verifyIdToken(tokens, {
        verify: keys.verify,
        issuer: expectedIssuer(config, metadata().issuer, tokens.claims),
        clientId: config.clientId,
        now: clock.now(),
        clockTolerance: config.clockTolerance,
      }),
    accessTokenClaims: async (accessToken) =>
      verifyAccessToken(accessToken, {
        verify: (token, options) => keys.verify(token, options, 'access token'),
        issuerOf: (claims) => expectedIssuer(config, metadata().issuer, claims),
        now: clock.now(),
        clockTolerance: config.clockTolerance,
      }),
  };
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
  const { metadataUrl } = config;
  return { ...http, fetch: watchCalls(http.fetch, { ...needs, name, metadata, metadataUrl }) };
}
