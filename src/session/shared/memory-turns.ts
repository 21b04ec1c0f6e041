import type { Board } from './board.ts';
import { createEndListeners } from './listeners.ts';
import type { Taken, Turns, Unrepeatable } from './shared.ts';

/** Turns in the memory of this process: its own, or in the primary those of its workers. */
export interface MemoryTurns extends Turns {
  /** The same as `take`, at once and for another process. */
  takeFor(owner: string, key: string, unrepeatable?: Unrepeatable): Taken;
  /** An owner of turns is gone: what it had begun is given to another, where that can be. */
  left(owner: string): void;
}

interface Lease {
  holder: string;
  owner: string;
  unrepeatable: Unrepeatable | undefined;
}

/** The owner of what this process does itself. */
const itself = '';

export function createMemoryTurns(board: Board): MemoryTurns {
  const leases = new Map<string, Lease>();
  const listeners = createEndListeners();
  let lastHolder = 0;

  const release = (key: string, holder: string) => {
    if (leases.get(key)?.holder !== holder) return;
    leases.delete(key);
    listeners.tell(key);
  };

  const takeFor: MemoryTurns['takeFor'] = (owner, key, unrepeatable) => {
    const value = board.read(key);
    if (value !== undefined) return { kind: 'done', value };
    if (leases.has(key)) return { kind: 'taken' };
    const holder = String(++lastHolder);
    leases.set(key, { holder, owner, unrepeatable });
    return { kind: 'yours', holder, previous: board.recall(key) };
  };

  return {
    // A holder in memory ends with its process, which is seen.
    renewEveryMs: undefined,
    takeFor,
    take: async (key, unrepeatable) => takeFor(itself, key, unrepeatable),
    renew: async () => {},
    async post(key, posted, holder) {
      board.post(key, posted);
      if (holder === undefined) return;
      if (leases.get(key)?.holder === holder) leases.delete(key);
      // Those who have waited get it, though it may not linger for others.
      listeners.tell(key, posted.value);
    },
    release: async (key, holder) => release(key, holder),
    onEnd: listeners.on,
    left(owner) {
      for (const [key, { holder, owner: whose, unrepeatable }] of leases) {
        if (whose !== owner) continue;
        // What the gateway keeps, the next in line goes on with.
        if (unrepeatable?.heldBy === 'process') {
          const { lost: value, forMs: lingerMs } = unrepeatable;
          board.post(key, { value, lingerMs });
        }
        release(key, holder);
      }
    },
  };
}
