import {
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';
import { type Clock, withLimit } from '../../clock.ts';
import type { Keep } from '../../holdings.ts';
import {
  type AlgorithmChoice,
  AlgorithmRefused,
  allowedAlgorithms,
  isKeyedWithSecret,
  secretBytesFor,
  type TokenPurpose,
} from './algorithms.ts';
import type { ProviderFetch, ProviderHttp } from './http.ts';
import type { ProviderMetadata } from './library.ts';
import { naturalKey } from './natural-key.ts';

/** The provider's keys could not be had, so nothing is known of the token. The cause says why. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

/** The keys that a provider signs with. */
export interface ProviderKeys {
  /**
   * Verifies a token: signature, algorithm and what the options name. Keys are fetched again when none fits, so
   * that a rotation is no failure, yet only so often. Rejects with KeysUnavailable or an error of jose.
   */
  verify(token: string, options: JWTVerifyOptions, purpose?: TokenPurpose): Promise<JWTVerifyResult>;
  /** Changes whenever the keys were fetched anew, so that what was verified before can be looked at again. */
  generation(): number;
}

export interface KeySource extends AlgorithmChoice {
  /** Where the keys are. */
  metadata(): ProviderMetadata | Promise<ProviderMetadata>;
  keySet: KeySet;
  /** What algorithms that are keyed with a secret are keyed with. */
  clientSecret?: string | undefined;
}

const longestAgeMs = 600_000;
/** An outage makes no key bad; yet a key that was withdrawn meanwhile must not be good for ever. */
const longestStaleMs = 86_400_000;
/** Anybody can send a token with a key of an unknown name: fetches in a row, and one more each so often. */
const mostFetches = 5;
const refillMs = 15_000;

interface FetchedKeys {
  uri: string;
  set: ReturnType<typeof createLocalJWKSet>;
  fetchedAt: number;
}

/** The keys of one issuer as they were fetched, for whoever verifies with them. */
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

/** What was fetched, whoever fetches. */
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

function rememberKeys({ monotonic: now }: Pick<Clock, 'monotonic'>): KnownKeys {
  let keys: FetchedKeys | undefined;
  let fetching: Promise<FetchedKeys> | undefined;
  let generation = 0;
  let budget = mostFetches;
  let refilledAt = now();

  const mayFetch = () => {
    const refills = Math.floor((now() - refilledAt) / refillMs);
    budget = Math.min(mostFetches, budget + refills);
    refilledAt += refills * refillMs;
    return budget > 0;
  };

  const fetchKeys = (uri: string, load: Load): Promise<FetchedKeys> => {
    if (fetching) return fetching;
    budget -= 1;
    fetching = load(uri)
      .then((set) => {
        keys = { uri, set, fetchedAt: now() };
        generation += 1;
        return keys;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };

  return {
    generation: () => generation,
    async current(uri, load) {
      const known = keys?.uri === uri ? keys : undefined;
      const age = known ? now() - known.fetchedAt : 0;
      if (known && age < longestAgeMs) return known;
      if (!known || age > longestStaleMs) return fetchKeys(uri, load);
      // Keys that are old are better than none: a provider that is out makes no key bad.
      return mayFetch() ? fetchKeys(uri, load).catch(() => known) : known;
    },
    /** Somebody else may have fetched them meanwhile. */
    async fresherThan(known, load) {
      if (keys !== known) return keys;
      if (!fetching && (known.fetchedAt === now() || !mayFetch())) return undefined;
      return fetchKeys(known.uri, load);
    },
  };
}

/** What verifies with the keys of an issuer. */
export function createProviderKeys({ metadata, keySet, clientSecret, ...choice }: KeySource): ProviderKeys {
  return {
    generation: keySet.generation,
    async verify(token, options, purpose = 'ID token') {
      const server = await metadata();
      const algorithms = [...allowedAlgorithms(purpose, server, choice)];
      const alg = algorithmOf(token);
      if (!algorithms.includes(alg)) throw new AlgorithmRefused(purpose, alg, algorithms);
      // What is keyed with the secret never sees a key that is public, nor the other way round.
      if (isKeyedWithSecret(alg)) return verifyWithSecret(token, clientSecret, alg, options);
      const { jwks_uri: uri } = server;
      if (uri === undefined) throw new KeysUnavailable('the provider names no keys');
      const known = await keySet.current(uri);
      const all = { ...options, algorithms: [alg] };
      try {
        return await verifyWith(token, known.set, all);
      } catch (error) {
        const isKeyMissing =
          error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
        const fresh = isKeyMissing ? await keySet.fresherThan(known) : undefined;
        if (!fresh) throw error;
        return verifyWith(token, fresh.set, all);
      }
    },
  };
}

/** What a token says that it is signed with; empty where it says nothing that is a text. */
function algorithmOf(token: string): string {
  try {
    const { alg } = decodeProtectedHeader(token);
    return typeof alg === 'string' ? alg : '';
  } catch (cause) {
    throw new errors.JWSInvalid('its header cannot be read', { cause });
  }
}

/** OpenID Connect Core §10.1: the key is the UTF-8 of the client secret, which has to be long enough for it. */
function verifyWithSecret(
  token: string,
  clientSecret: string | undefined,
  alg: string,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  const key = new TextEncoder().encode(clientSecret);
  if (key.length < secretBytesFor(alg)) throw new errors.JWSInvalid('the client secret is too short for it');
  return jwtVerify(token, key, { ...options, algorithms: [alg] });
}

/** Without a kid several keys may fit: each is tried. */
async function verifyWith(
  token: string,
  set: FetchedKeys['set'],
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, set, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      const only: JWTVerifyGetKey = () => key;
      try {
        return await jwtVerify(token, only, options);
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
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
    return createLocalJWKSet((await response.json()) as JSONWebKeySet);
  } catch (error) {
    throw new KeysUnavailable('the keys of the provider cannot be had', { cause: error });
  }
}
