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

export interface DiscoveryNeeds {
  clock: Clock;
  random: Random;
}

/** Providers move endpoints rarely; the keys of tokens are fetched apart from this, when they are needed. */
const longestAgeMs = 3_600_000;
const firstRetryMs = 500;
/** How long an issuer that is out is left alone at the most, where somebody follows it. */
const longestRetryMs = 15_000;

/**
 * The search for an issuer, shared by all that ask for it in the same way: who comes later knows what was found.
 * @param settings what changes the answer
 */
export function openDiscovery(
  { settings, ask, longestMs }: { settings: readonly unknown[]; longestMs?: number } & Asking,
  { keep, clock, random }: DiscoveryNeeds & { keep: Keep },
): Discovery {
  return keep(
    'provider metadata',
    naturalKey(settings),
    () => createDiscovery(ask, { clock, random }, longestMs),
    (discovery) => discovery.close(),
  );
}

interface Asking {
  ask(): Promise<ProviderMetadata>;
}

/**
 * @param ask fetches the metadata
 * @param longestMs the longest pause after a failure
 */
export function createDiscovery(
  ask: () => Promise<ProviderMetadata>,
  { clock, random }: DiscoveryNeeds,
  longestMs: number = longestRetryMs,
): Discovery {
  const followers = new Set<Follower>();
  let known: ProviderMetadata | undefined;
  let failure: unknown;
  let failures = 0;
  let askAgainAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  let timer: Timer | undefined;
  let closed = false;

  const schedule = (delayMs: number) => {
    timer?.cancel();
    askAgainAt = clock.monotonic() + delayMs;
    // Without followers it is asked when somebody needs it.
    if (!closed && followers.size > 0) timer = clock.after(delayMs, () => void askNow()).unref();
  };

  const failed = (error: unknown, those: Iterable<Follower>) => {
    failures += 1;
    failure = error;
    const backOff = Math.min(longestMs, firstRetryMs * 2 ** (failures - 1));
    // Instances that were started together must not come back together.
    const delayMs = Math.round(backOff * (0.5 + random() / 2));
    schedule(delayMs);
    if (closed) return;
    for (const follower of those) follower.failed(error, delayMs);
  };

  const askNow = (): Promise<void> => {
    asking ??= askOnce().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  const askOnce = async (): Promise<void> => {
    let metadata: ProviderMetadata;
    try {
      metadata = await ask();
    } catch (error) {
      failed(error, followers);
      return;
    }
    known = metadata;
    const refused: Follower[] = [];
    let reason: unknown;
    for (const follower of followers) {
      try {
        await follower.found(metadata);
      } catch (error) {
        reason = error;
        refused.push(follower);
      }
    }
    if (refused.length > 0) return failed(reason, refused);
    failures = 0;
    schedule(longestAgeMs);
  };

  const tell = (follower: Follower, metadata: ProviderMetadata) => {
    const refused = (error: unknown) => failed(error, [follower]);
    try {
      follower.found(metadata)?.catch(refused);
    } catch (error) {
      refused(error);
    }
  };

  return {
    lookUp() {
      if (clock.monotonic() < askAgainAt) {
        if (known) return known;
        throw failure;
      }
      return askNow().then(() => {
        if (known) return known;
        throw failure;
      });
    },
    follow(follower) {
      followers.add(follower);
      if (known) tell(follower, known);
      const waitMs = askAgainAt - clock.monotonic();
      if (waitMs <= 0) void askNow();
      else if (followers.size === 1) schedule(waitMs);
      return () => {
        followers.delete(follower);
        if (followers.size === 0) timer?.cancel();
      };
    },
    askedAgainIn: () => Math.max(0, askAgainAt - clock.monotonic()) / 1000,
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}
