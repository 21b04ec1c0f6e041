import { type Bounded, createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { Keep } from '../../holdings.ts';
import type { Random } from '../../random.ts';

/**
 * Keeps calls away from a provider that is out, so that it can come back. What one person meets is that person's, in
 * whatever number of sessions: it opens for what several meet, with no success of anybody between.
 */
export interface Circuit {
  /**
   * Seconds until this one may ask; 0 means now, and the caller must report what came of it.
   * @param person whose it is, where one can have several; the same for all calls about `who`
   */
  blockedFor(who: string, person?: string): number;
  /** The provider answered as it should, be it with a refusal of this one. */
  succeeded(who: string): void;
  /**
   * It gave an answer that says nothing of the provider, or none that counts.
   * @returns seconds that this one should pause
   */
  failed(who: string, retryAfter: number | undefined, person?: string): number;
  /** The call ended in a way that says nothing of whether the provider is out. */
  ended(who: string): void;
  /** Whether it failed for several, with no success of anybody between, and some of that a short while ago. */
  isOpen(): boolean;
  /** Everybody may ask at once: there is a sign of life. */
  close(): void;
}

/** So long pauses somebody while nobody knows whether it is the provider: people are served soon after it is back. */
const shortPauseSeconds = 0.8;
/** So long at the most, where others are served meanwhile. */
const longestPauseSeconds = 30;
/** What the provider asks for is kept to, up to this. */
const longestRetryAfter = 15;
/** So many try at a time while it is open, each for so long: a call that hangs must not keep others from trying. */
const mostProbes = 2;
const probeMs = 1000;
/** Those who failed and were not heard of again are forgotten, the oldest first. */
const mostRemembered = 1000;

/** An outage that nobody met for so long may have ended since. */
const tellsForMs = 60_000;

interface Failing {
  person: string;
  failures: number;
  /** Others were served since it began: this one's trouble is its own. */
  isOwn: boolean;
  until: number;
}

export interface CircuitNeeds {
  clock: Pick<Clock, 'monotonic'>;
  random: Random;
}

/** The circuit of the refreshes at one provider, shared by all that ask it as the same client. */
export const openRefreshCircuit = (keep: Keep, providerKey: string, needs: CircuitNeeds): Circuit =>
  keep('refresh circuit', providerKey, () => createCircuit(needs));

export function createCircuit({ clock: { monotonic: now }, random }: CircuitNeeds): Circuit {
  const failing = createBounded<string, Failing>({ entries: mostRemembered });
  const probes = new Map<string, { person: string; until: number }>();

  /** One person takes one of the places at the most. */
  const isTaken = (person: string) => {
    for (const [who, { until }] of probes) if (until <= now()) probes.delete(who);
    return probes.size >= mostProbes || [...probes.values()].some((probe) => probe.person === person);
  };

  return {
    blockedFor(who, person = who) {
      const wait = ((failing.get(who)?.until ?? 0) - now()) / 1000;
      if (wait > 0) return wait;
      if (!isOpen(failing)) return 0;
      if (isTaken(person)) return shortPauseSeconds / 2;
      probes.set(who, { person, until: now() + probeMs });
      return 0;
    },
    succeeded(who) {
      probes.delete(who);
      failing.delete(who);
      for (const each of failing.values()) each.isOwn = true;
    },
    failed(who, retryAfter = 0, person = who) {
      probes.delete(who);
      const { failures = 0, isOwn = false } = failing.get(who) ?? {};
      const entry: Failing = { person, failures: failures + 1, isOwn, until: 0 };
      // Those who failed together must not come back together.
      const pause = Math.max(
        Math.min(longestRetryAfter, retryAfter),
        pauseOf(entry) * (0.6 + random() * 0.4),
      );
      entry.until = now() + pause * 1000;
      failing.set(who, entry);
      return pause;
    },
    ended(who) {
      probes.delete(who);
    },
    isOpen: () => {
      const newest = Math.max(0, ...[...failing.values()].map(({ until }) => until));
      return isOpen(failing) && now() - newest < tellsForMs;
    },
    close() {
      probes.clear();
      failing.clear();
    },
  };
}

/** Whether it is more than one person's own trouble. */
function isOpen(failing: Pick<Bounded<string, Failing>, 'values'>): boolean {
  let first: string | undefined;
  for (const { isOwn, person } of failing.values()) {
    if (isOwn) continue;
    first ??= person;
    if (person !== first) return true;
  }
  return false;
}

/** Seconds. */
function pauseOf({ failures, isOwn }: Failing): number {
  return isOwn ? Math.min(longestPauseSeconds, 0.5 * 2 ** (failures - 1)) : shortPauseSeconds;
}
