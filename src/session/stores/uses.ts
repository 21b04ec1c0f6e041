import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { Found } from '../found.ts';

/** What is noted is written after this, all of it together. */
const writeAfterMs = 1000;
/** What finds no room is not noted: the session is written down before an answer then, by a request that comes later. */
const mostNoted = 10_000;
/** So many at a time: others wait behind them. */
const batch = 200;

/** That sessions were used, on its way to where they are kept. Nothing of it may be needed: see `isUseLate`. */
export interface NotedUses {
  note(found: Found, seenAt: number): void;
  /** Writes what is noted now. Never rejects. */
  flush(): Promise<void>;
}

interface Noted {
  found: Found;
  seenAt: number;
}

/** @param write writes one, unless the session was changed meanwhile */
export function createNotedUses(
  write: (found: Found, seenAt: number) => Promise<unknown>,
  clock: Pick<Clock, 'after'>,
): NotedUses {
  const noted = createBounded<string, Noted>({ entries: mostNoted, givesWay: 'newcomer' });
  let isAwaited = false;
  const flush = async () => {
    const all = [...noted.values()];
    noted.clear();
    for (let start = 0; start < all.length; start += batch)
      await Promise.allSettled(
        all.slice(start, start + batch).map(({ found, seenAt }) => write(found, seenAt)),
      );
  };
  return {
    note(found, seenAt) {
      const known = noted.peek(found.session.id);
      if (known) Object.assign(known, { found, seenAt });
      else noted.set(found.session.id, { found, seenAt });
      if (isAwaited) return;
      isAwaited = true;
      clock
        .after(writeAfterMs, () => {
          isAwaited = false;
          void flush();
        })
        .unref();
    },
    flush,
  };
}
