import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { createBounded } from '../../bounded.ts';
import { type Clock, withLimit } from '../../clock.ts';
import type { Keep } from '../../holdings.ts';
import type { ProviderFetch, ProviderHttp } from './http.ts';
import { naturalKey } from './natural-key.ts';

/** The provider's keys could not be had, so nothing is known of the token. The cause says why. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

const longestAgeMs = 600_000;
/** An outage makes no key bad; yet a key that was withdrawn meanwhile must not be good for ever. */
const longestStaleMs = 86_400_000;
/** Anybody can send a token with a key of an unknown name: fetches in a row, and one more each so often. */
const mostFetches = 5;
const refillMs = 15_000;
/** Of one issuer: its own, one inside the network, and those from before it moved. */
const mostPlaces = 4;

export interface FetchedKeys {
  uri: string;
  set: ReturnType<typeof createLocalJWKSet>;
  fetchedAt: number;
}

/** The keys of one issuer as they were fetched, for verifying. */
export interface KeySet {
  /** Rejects with KeysUnavailable. */
  current(uri: string): Promise<FetchedKeys>;
  /** Other keys than these, if there are or may be any. */
  fresherThan(known: FetchedKeys): Promise<FetchedKeys | undefined>;
  generation(): number;
}

type KeySetClock = Pick<Clock, 'monotonic' | 'after'>;

/** The keys of an issuer, shared by all that ask for them in the same way. */
export function openKeySet(
  { issuer, jwksUri, timeout }: { issuer: string; jwksUri?: string | undefined; timeout: number },
  { trust, fetch }: ProviderHttp,
  { keep, clock }: { keep: Keep; clock: KeySetClock },
): KeySet {
  const known = keep('provider keys', naturalKey(issuer, jwksUri, trust), () => rememberKeys(clock));
  return askedBy(known, clock, fetch, timeout);
}

/** @param timeout milliseconds for one fetch */
export function createKeySet(fetch: ProviderFetch, timeout: number, clock: KeySetClock): KeySet {
  return askedBy(rememberKeys(clock), clock, fetch, timeout);
}

/** Fetches what is at an address. */
type Load = (uri: string) => Promise<FetchedKeys['set']>;

/** What was fetched, by any of the plans that ask. */
interface KnownKeys {
  current(uri: string, load: Load): Promise<FetchedKeys>;
  fresherThan(known: FetchedKeys, load: Load): Promise<FetchedKeys | undefined>;
  generation(): number;
}

function askedBy(known: KnownKeys, clock: KeySetClock, fetch: ProviderFetch, timeout: number): KeySet {
  const load: Load = (uri) => withLimit(clock, timeout, (signal) => loadKeys(uri, fetch, signal));
  return {
    current: (uri) => known.current(uri, load),
    fresherThan: (keys) => known.fresherThan(keys, load),
    generation: known.generation,
  };
}

/**
 * What was fetched from each address. A plan that reads the metadata of an issuer elsewhere (`metadataUrl`) may be told of
 * another address; the keys there must not count for plans that ask here.
 */
function rememberKeys(clock: Pick<Clock, 'monotonic'>): KnownKeys {
  const places = createBounded<string, ReturnType<typeof rememberPlace>>({
    entries: mostPlaces,
    givesWay: 'unused',
  });
  let generation = 0;
  const placeOf = (uri: string) => {
    const place =
      places.get(uri) ??
      rememberPlace(uri, clock, () => {
        generation += 1;
      });
    places.set(uri, place);
    return place;
  };
  return {
    generation: () => generation,
    current: (uri, load) => placeOf(uri).current(load),
    fresherThan: (known, load) => placeOf(known.uri).fresherThan(known, load),
  };
}

function rememberPlace(uri: string, { monotonic: now }: Pick<Clock, 'monotonic'>, onFetched: () => void) {
  let keys: FetchedKeys | undefined;
  let fetching: Promise<FetchedKeys> | undefined;
  let budget = mostFetches;
  let refilledAt = now();

  const mayFetch = () => {
    const refills = Math.floor((now() - refilledAt) / refillMs);
    budget = Math.min(mostFetches, budget + refills);
    refilledAt += refills * refillMs;
    return budget > 0;
  };

  const fetchKeys = (load: Load): Promise<FetchedKeys> => {
    if (fetching) return fetching;
    budget -= 1;
    fetching = load(uri)
      .then((set) => {
        keys = { uri, set, fetchedAt: now() };
        onFetched();
        return keys;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };

  return {
    async current(load: Load): Promise<FetchedKeys> {
      const known = keys;
      const age = known ? now() - known.fetchedAt : 0;
      if (known && age < longestAgeMs) return known;
      if (!known || age > longestStaleMs) return fetchKeys(load);
      // Keys that are old are better than none: a provider that is out makes no key bad.
      return mayFetch() ? fetchKeys(load).catch(() => known) : known;
    },
    /** Somebody else may have fetched them meanwhile. */
    async fresherThan(known: FetchedKeys, load: Load): Promise<FetchedKeys | undefined> {
      if (keys !== undefined && keys !== known) return keys;
      if (!fetching && (known.fetchedAt === now() || !mayFetch())) return undefined;
      return fetchKeys(load);
    },
  };
}

async function loadKeys(uri: string, fetch: ProviderFetch, signal: AbortSignal): Promise<FetchedKeys['set']> {
  try {
    const response = await fetch(uri, {
      method: 'GET',
      headers: { accept: 'application/json, application/jwk-set+json' },
      body: undefined,
      redirect: 'manual',
      signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`the keys were answered with ${response.status}`, { cause: response });
    }
    const set = (await response.json()) as JSONWebKeySet;
    // A server that signs has a key; one that has just started may not know it yet.
    if (set.keys?.length === 0) throw new Error('the keys were answered with none');
    return createLocalJWKSet(set);
  } catch (error) {
    throw new KeysUnavailable('the keys of the provider cannot be had', { cause: error });
  }
}
