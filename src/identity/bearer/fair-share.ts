import { createBounded } from '../../bounded.ts';
import { networkOf } from '../../client-network.ts';
import type { Clock } from '../../clock.ts';

/** Divides so many places among those who ask, so that nobody who asks for much leaves nothing for the others. */
export interface FairShare {
  /**
   * Takes a place; undefined where this one has its share already. The result gives it back, with what came of it.
   * @param address of a client; empty for those who cannot be told apart, such as all behind a proxy
   */
  take(address: string): ((wasUnknown: boolean) => void) | undefined;
}

/** Whoever sent so many unknown tokens in a row has only a few places from then on. */
const mostUnknown = 50;
const placesOfSuspects = 2;
/** One of them is forgiven in this time. */
const forgivenMs = 1000;
/** Those who are remembered at the most; the oldest give way. */
const mostRemembered = 10_000;

interface Share {
  running: number;
  unknown: number;
  seenAt: number;
}

/**
 * Each one may have as many places as are free: one alone gets half of them, two get a third each, and there is always
 * one left for whoever comes next.
 */
export function createFairShare(places: number, { monotonic: now }: Pick<Clock, 'monotonic'>): FairShare {
  const shares = createBounded<string, Share>({
    entries: mostRemembered,
    // Whoever has places is counted until they are given back.
    spare: ({ running }) => running > 0,
  });
  let total = 0;

  const shareOf = (who: string): Share => {
    const share = shares.get(who) ?? { running: 0, unknown: 0, seenAt: now() };
    share.unknown = Math.max(0, share.unknown - (now() - share.seenAt) / forgivenMs);
    share.seenAt = now();
    shares.set(who, share);
    return share;
  };

  return {
    take(address) {
      const share = shareOf(networkOf(address));
      const isSuspect = share.unknown >= mostUnknown && address !== '';
      const most = isSuspect ? placesOfSuspects : places - total;
      if (share.running >= most || total >= places) return undefined;
      share.running += 1;
      total += 1;
      return (wasUnknown) => {
        share.running -= 1;
        total -= 1;
        share.unknown = wasUnknown ? share.unknown + 1 : 0;
      };
    },
  };
}
