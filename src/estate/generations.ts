import type { Lease } from '../holdings.ts';
import type { Emit } from '../observe/events.ts';
import type { Generation } from './generation.ts';
import { type Health, healthOf } from './health.ts';
import { starting } from './stop.ts';

/** The plan that is in force, and those before it that still have requests under way. */
export interface Generations {
  /**
   * Opens one more. The first is in force at once, since its requests may come as soon as there is a listener. Throws,
   * and gives its lease back, when it cannot be opened.
   */
  open(lease: Lease, open: () => Generation): Generation;
  /** From now on it decides; the one before ends with its last request. */
  putInForce(generation: Generation): void;
  /** Takes it off, and closes what no other one needs. */
  end(generation: Generation): Promise<void>;
  /** Throws before the first one. */
  current(): Generation;
  all(): Generation[];
  /** How the one in force stands. */
  health(): Health;
  /** What is missing before requests with a session are served, in sentences. */
  missing(): string[];
}

/** Refreshes take as long as providers do, which is bounded for each call. */
const longestFinishMs = 60_000;

export function createGenerations(emit: Emit): Generations {
  const leases = new Map<Generation, Lease>();
  let inForce: Generation | undefined;

  const release = async (lease: Lease | undefined) => {
    try {
      await lease?.release();
    } catch (error) {
      emit({ kind: 'part-not-closed', error });
    }
  };
  const end: Generations['end'] = async (generation) => {
    const lease = leases.get(generation);
    leases.delete(generation);
    if (generation === inForce) inForce = undefined;
    await release(lease);
  };

  /** What its last requests have begun is brought to its end before what it needs is closed. */
  const retire = async (generation: Generation) => {
    await generation.requests.ended();
    await generation.finish(longestFinishMs);
    await end(generation);
  };

  return {
    open(lease, open) {
      try {
        const generation = open();
        leases.set(generation, lease);
        inForce ??= generation;
        return generation;
      } catch (error) {
        void release(lease);
        throw error;
      }
    },
    putInForce(generation) {
      const before = inForce;
      inForce = generation;
      generation.putInForce();
      if (before && before !== generation) void retire(before);
    },
    end,
    current() {
      if (!inForce) throw new Error('no plan was adopted yet');
      return inForce;
    },
    all: () => [...leases.keys()],
    health: () => inForce?.health() ?? healthOf([starting]),
    missing: () => inForce?.missing() ?? [starting],
  };
}
