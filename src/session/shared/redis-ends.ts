import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import { createAgain } from './again.ts';
import { inBatches } from './held.ts';

/** Ends of sessions that could not be written yet, at the most. */
const mostOwed = 10_000;

/** Ends of sessions by their places in the table. */
export interface Ends {
  /** Rejects where it cannot be written now: then it counts here, and is written when it can be. */
  end(id: string): Promise<void>;
  areOwed(id: string): boolean;
  /** Writes what is owed, as far as it can be. Never rejects. */
  flush(): Promise<void>;
}

export function createEnds(remove: (id: string) => Promise<void>, clock: Pick<Clock, 'after'>): Ends {
  const owed = createBounded<string, true>({ entries: mostOwed });
  const flush = () => inBatches(owed, ([id]) => end(id).catch(() => {}));
  const later = createAgain(clock, async () => {
    await flush();
    return owed.size === 0;
  });
  const end = async (id: string) => {
    try {
      await remove(id);
      owed.delete(id);
    } catch (error) {
      if (!owed.has(id)) owed.set(id, true);
      later();
      throw error;
    }
  };
  return {
    end,
    areOwed: (id: string) => owed.size > 0 && owed.has(id),
    flush,
  };
}
