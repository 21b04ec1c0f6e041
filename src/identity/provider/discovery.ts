import type { Clock, Timer } from '../../clock.ts';
import type { Keep } from '../../holdings.ts';
import type { Random } from '../../random.ts';
import type { ProviderMetadata } from './library.ts';
import { naturalKey } from './natural-key.ts';

/** Finds the metadata of one issuer, and remembers them: what was found stays in use while the issuer is out. */
export interface Discovery {
  /** What is known; asks first where that is nothing, or old. Throws or rejects with what went wrong, while nothing is known. */
  lookUp(): ProviderMetadata | Promise<ProviderMetadata>;
  /** Asks from now on without being told to, until it is known and then every hour. The result ends that. */
  follow(follower: Follower): () => void;
  /** Seconds until it is asked again. */
  askedAgainIn(): number;
  close(): void;
}

/** Who wants to hear of the metadata whenever they were found. */
export interface Follower {
  /** At once, where they are known. Throws or rejects for metadata that are of no use, which is like finding none. */
  found(metadata: ProviderMetadata): void | Promise<void>;
  /** @param retryMs milliseconds until it is asked again */
  failed(error: unknown, retryMs: number): void;
}

interface DiscoveryNeeds {
  clock: Clock;
  random: Random;
}

/** Providers move endpoints rarely; the keys of tokens are fetched apart from this, when they are needed. */
const longestAgeMs = 3_600_000;
const firstRetryMs = 500;
/** How long an issuer that is out is left alone at the most, where somebody follows it. */
const longestRetryMs = 15_000;

/** The search for an issuer, shared by all that ask for it in the same way: who comes later knows what was found. */
export function openDiscovery(
  { settings, ask, longestMs = longestRetryMs }: Question,
  { keep, clock, random }: DiscoveryNeeds & { keep: Keep },
): Discovery {
  return keep(
    'provider metadata',
    naturalKey(settings),
    () => new Search(ask, { clock, random }, longestMs),
    (discovery) => discovery.close(),
  );
}

interface Question {
  /** What changes the answer. */
  settings: readonly unknown[];
  /** Fetches the metadata. */
  ask(): Promise<ProviderMetadata>;
  /** The longest pause after a failure, in milliseconds. */
  longestMs?: number;
}

class Search implements Discovery {
  readonly #ask: () => Promise<ProviderMetadata>;
  readonly #needs: DiscoveryNeeds;
  /** The longest pause after a failure. */
  readonly #longestMs: number;
  readonly #followers = new Set<Follower>();
  #known: ProviderMetadata | undefined;
  #failure: unknown;
  #failures = 0;
  #askAgainAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(ask: () => Promise<ProviderMetadata>, needs: DiscoveryNeeds, longestMs: number) {
    this.#ask = ask;
    this.#needs = needs;
    this.#longestMs = longestMs;
  }

  lookUp(): ProviderMetadata | Promise<ProviderMetadata> {
    if (this.#untilNext() > 0) return this.#knownOrThrow();
    return this.#askNow().then(() => this.#knownOrThrow());
  }

  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    if (this.#known) this.#tell(follower, this.#known);
    const waitMs = this.#untilNext();
    if (waitMs <= 0) void this.#askNow();
    else if (this.#followers.size === 1) this.#schedule(waitMs);
    return () => {
      this.#followers.delete(follower);
      if (this.#followers.size === 0) this.#timer?.cancel();
    };
  }

  askedAgainIn(): number {
    return Math.max(0, this.#untilNext()) / 1000;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #knownOrThrow(): ProviderMetadata {
    if (this.#known) return this.#known;
    throw this.#failure;
  }

  #untilNext(): number {
    return this.#askAgainAt - this.#needs.clock.monotonic();
  }

  #schedule(delayMs: number): void {
    const { clock } = this.#needs;
    this.#timer?.cancel();
    this.#askAgainAt = clock.monotonic() + delayMs;
    // Without followers it is asked when somebody needs it.
    if (this.#closed || this.#followers.size === 0) return;
    this.#timer = clock.after(delayMs, () => void this.#askNow()).unref();
  }

  #askNow(): Promise<void> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<void> {
    let metadata: ProviderMetadata;
    try {
      metadata = await this.#ask();
    } catch (error) {
      this.#failed(error, this.#followers);
      return;
    }
    this.#known = metadata;
    const refused: Follower[] = [];
    let reason: unknown;
    for (const follower of this.#followers) {
      try {
        await follower.found(metadata);
      } catch (error) {
        reason = error;
        refused.push(follower);
      }
    }
    if (refused.length > 0) return this.#failed(reason, refused);
    this.#failures = 0;
    this.#schedule(longestAgeMs);
  }

  #failed(error: unknown, followers: Iterable<Follower>): void {
    this.#failures += 1;
    this.#failure = error;
    const backOff = Math.min(this.#longestMs, firstRetryMs * 2 ** (this.#failures - 1));
    // Instances that were started together must not come back together.
    const delayMs = Math.round(backOff * (0.5 + this.#needs.random() / 2));
    this.#schedule(delayMs);
    if (this.#closed) return;
    for (const follower of followers) follower.failed(error, delayMs);
  }

  #tell(follower: Follower, metadata: ProviderMetadata): void {
    const refused = (error: unknown) => this.#failed(error, [follower]);
    try {
      follower.found(metadata)?.catch(refused);
    } catch (error) {
      refused(error);
    }
  }
}
