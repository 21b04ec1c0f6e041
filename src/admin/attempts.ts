import { createBounded } from '../bounded.ts';
import { networkOf } from '../client-network.ts';
import type { Clock } from '../clock.ts';

/** Counts wrong tokens, so that nobody can try many. */
export interface Attempts {
  /** Seconds until a client may try again; 0 for now. */
  blockedFor(address: string): number;
  /** It has shown a wrong one. */
  failed(address: string): void;
}

type Time = Pick<Clock, 'monotonic'>;

/** So many wrong ones in a row, and one more each so often. */
const mostInRow = 10;
const refillMs = 10_000;
/** Where so many of all clients are wrong, and one more each so often, each has a single try. */
const mostOfAll = 100;
const refillOfAllMs = 1000;
const mostRemembered = 10_000;

/**
 * Each client is counted apart, a /64 of IPv6 as one: whoever guesses keeps nobody out who knows the token. Many
 * clients that guess together leave each other fewer tries, and still keep nobody out.
 */
export function createAttempts({ monotonic: now }: Time): Attempts {
  const clients = createBounded<string, Level>({
    entries: mostRemembered,
    ends: { at: (level) => level.emptyAt, now },
  });
  const all = createLevel(now, refillOfAllMs);
  const mostNow = () => (all.isAtLeast(mostOfAll) ? 1 : mostInRow);
  return {
    blockedFor(address) {
      const level = clients.get(networkOf(address));
      return level === undefined ? 0 : level.untilBelow(mostNow()) / 1000;
    },
    failed(address) {
      const who = networkOf(address);
      const level = clients.get(who) ?? createLevel(now, refillMs);
      level.add();
      all.add();
      clients.set(who, level);
    },
  };
}

/** Lets so many things pass at once, and one more each so often. */
export function createTap(most: number, everyMs: number, { monotonic }: Time): () => boolean {
  const level = createLevel(monotonic, everyMs);
  return () => {
    if (level.untilBelow(most) > 0) return false;
    level.add();
    return true;
  };
}

/** A page that refreshes itself is told of once in this time for each who looks at it. */
const quietMs = 60 * 60_000;

/** Tells whether somebody has come for the first time in an hour. */
export function createQuiet({ monotonic: now }: Time): (who: string) => boolean {
  const told = createBounded<string, number>({
    entries: mostRemembered,
    ends: { at: (at) => at + quietMs, now },
  });
  return (who) => {
    if (told.has(who)) return false;
    told.set(who, now());
    return true;
  };
}

/** A vessel that leaks one thing each so many milliseconds. */
interface Level {
  readonly emptyAt: number;
  add(): void;
  isAtLeast(count: number): boolean;
  /** Milliseconds until there is room for one more of so many. */
  untilBelow(most: number): number;
}

function createLevel(now: () => number, leakMs: number): Level {
  let emptyAt = Number.NEGATIVE_INFINITY;
  return {
    get emptyAt() {
      return emptyAt;
    },
    add() {
      emptyAt = Math.max(emptyAt, now()) + leakMs;
    },
    isAtLeast: (count) => emptyAt - now() > (count - 1) * leakMs,
    untilBelow: (most) => Math.max(0, emptyAt - now() - (most - 1) * leakMs),
  };
}
