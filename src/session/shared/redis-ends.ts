import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import { createAgain } from './again.ts';
import { inBatches } from './held.ts';

/** Ends of sessions that could not be written yet, at the most, and as many that were. */
const mostEnds = 10_000;

/** Ends of sessions by their places in the table. */
export interface Ends {
  /** Rejects where it cannot be written now: then it counts here, and is written when it can be. */
  end(id: string): Promise<void>;
  /** It was ended here, whatever Redis says of it: what was under way by then brings nothing back. */
  isEnded(id: string): boolean;
  /** Writes what is owed, as far as it can be. Never rejects. */
  flush(): Promise<void>;
}

export function createEnds(remove: (id: string) => Promise<void>, clock: Pick<Clock, 'after'>): Ends {
  const owed = createBounded<string, true>({ entries: mostEnds });
  const done = createBounded<string, true>({ entries: mostEnds });
  const flush = () => inBatches(owed, ([id]) => end(id).catch(() => {}));
  const later = createAgain(clock, async () => {
    await flush();
    return owed.size === 0;
  });
  const end = async (id: string) => {
    try {
      await remove(id);
      owed.delete(id);
      done.set(id, true);
    } catch (error) {
      if (!owed.has(id)) owed.set(id, true);
      later();
      throw error;
    }
  };
  return {
    end,
    isEnded: (id) => done.has(id) || owed.has(id),
    flush,
  };
}
