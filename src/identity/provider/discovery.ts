import type { Clock, Timer } from '../../clock.ts';
import type { Keep } from '../../holdings.ts';
import type { Random } from '../../random.ts';
import type { ProviderMetadata } from './library.ts';
import { naturalKey } from './natural-key.ts';

/**
 * Finds the metadata of one issuer, and remembers them: what was found stays in use while the issuer is out. Who asks,
 * and by which connections, is whoever needs it now.
 */
export interface Discovery {
  /** What is known; asks first where that is nothing, or old. Throws or rejects with what went wrong, while nothing is known. */
  lookUp(): ProviderMetadata | Promise<ProviderMetadata>;
  /** Asks from now on without being told to, until it is known and then every hour. The result ends that. */
  follow(follower: Follower): () => void;
  /** Seconds until it is asked again. */
  askedAgainIn(): number;
}

/** Who wants to hear of the metadata whenever they were found. */
export interface Follower {
  /** At once, where they are known. Throws or rejects for metadata that are of no use, which is like finding none. */
  found(metadata: ProviderMetadata): void | Promise<void>;
  /** At once, where it could not be found and is not known. @param retryMs milliseconds until it is asked again */
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

/** The search for an issuer, shared by all that ask the same: who comes later knows what was found. */
export function openDiscovery(
  { settings, longestMs = longestRetryMs, ...way }: Question,
  { keep, clock, random }: DiscoveryNeeds & { keep: Keep },
): Discovery {
  const open = () => new Search({ clock, random }, longestMs);
  const search = keep('provider metadata', naturalKey(settings), open, closeSearch);
  return {
    lookUp: () => search.lookUp(way),
    follow: (follower) => search.follow(follower, way),
    askedAgainIn: () => search.askedAgainIn(),
  };
}

/** Apart from the question of whoever opened it. */
const closeSearch = (search: Search) => search.close();

interface Question extends Connection {
  /** What changes the answer. */
  settings: readonly unknown[];
  /** The longest pause after a failure, in milliseconds. */
  longestMs?: number;
}

interface Connection {
  /** Fetches the metadata. */
  ask(): Promise<ProviderMetadata>;
  /** By which connections, as a key: where one way has failed, another one is tried at once. */
  way: string;
}

/** Keeps nothing of a configuration but its followers, for as long as they follow. */
class Search {
  readonly #needs: DiscoveryNeeds;
  /** The longest pause after a failure. */
  readonly #longestMs: number;
  /** In the order in which they came: the newest configuration says how it is asked. */
  readonly #followers = new Map<Follower, Connection>();
  #known: ProviderMetadata | undefined;
  #failure: { error: unknown; way: string } | undefined;
  #failures = 0;
  #askAgainAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(needs: DiscoveryNeeds, longestMs: number) {
    this.#needs = needs;
    this.#longestMs = longestMs;
  }

  lookUp(way: Connection): ProviderMetadata | Promise<ProviderMetadata> {
    if (this.#untilNext() > 0 && !this.#isWorthAsking(way)) return this.#knownOrThrow();
    return this.#askNow(way).then(() => this.#knownOrThrow());
  }

  follow(follower: Follower, way: Connection): () => void {
    this.#followers.set(follower, way);
    const isAskedAtOnce = this.#isWorthAsking(way);
    const untilNext = () => (isAskedAtOnce ? 0 : this.#untilNext());
    if (this.#known) this.#tell(follower, this.#known, way);
    // What is known of an outage is known to whoever comes later too: nobody has to wait to hear of it.
    else if (this.#failure) follower.failed(this.#failure.error, Math.max(0, Math.round(untilNext())));
    const waitMs = untilNext();
    if (waitMs <= 0) void this.#askNow(way);
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

  /** What has failed may have done so for the way in which it was asked. */
  #isWorthAsking({ way }: Connection): boolean {
    return !this.#known && this.#failure !== undefined && this.#failure.way !== way;
  }

  #knownOrThrow(): ProviderMetadata {
    if (this.#known) return this.#known;
    throw this.#failure?.error;
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
    this.#timer = clock
      .after(delayMs, () => {
        const newest = [...this.#followers.values()].at(-1);
        if (newest) void this.#askNow(newest);
      })
      .unref();
  }

  #askNow(way: Connection): Promise<void> {
    this.#asking ??= this.#askOnce(way).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(way: Connection): Promise<void> {
    let metadata: ProviderMetadata;
    try {
      metadata = await way.ask();
    } catch (error) {
      this.#failed(error, way, this.#followers.keys());
      return;
    }
    this.#known = metadata;
    const refused: Follower[] = [];
    let reason: unknown;
    for (const follower of this.#followers.keys()) {
      try {
        await follower.found(metadata);
      } catch (error) {
        reason = error;
        refused.push(follower);
      }
    }
    if (refused.length > 0) return this.#failed(reason, way, refused);
    this.#failures = 0;
    this.#failure = undefined;
    this.#schedule(longestAgeMs);
  }

  #failed(error: unknown, { way }: Connection, followers: Iterable<Follower>): void {
    this.#failures += 1;
    this.#failure = { error, way };
    const backOff = Math.min(this.#longestMs, firstRetryMs * 2 ** (this.#failures - 1));
    // Instances that were started together must not come back together.
    const delayMs = Math.round(backOff * (0.5 + this.#needs.random() / 2));
    this.#schedule(delayMs);
    if (this.#closed) return;
    for (const follower of followers) follower.failed(error, delayMs);
  }

  #tell(follower: Follower, metadata: ProviderMetadata, way: Connection): void {
    const refused = (error: unknown) => this.#failed(error, way, [follower]);
    try {
      follower.found(metadata)?.catch(refused);
    } catch (error) {
      refused(error);
    }
  }
}
