import { createBounded } from '../bounded.ts';
import type { Clock } from '../clock.ts';
import type { CountDesk } from '../session/shared/shared.ts';
import type { Meter } from './meter.ts';

/** Tells other processes of what was counted here, and this one of what they have counted. */
export interface Sharing {
  /** One of a key was counted here. @param limit the key of the rule */
  took(limit: string, meter: Meter, key: string): void;
}

/** Nobody waits for others: they are told of all that came in this time, and what they say counts from then on. */
const tellEveryMs = 100;
/** So many keys are told of each time; in a flood of clients the rest are counted here alone. */
const mostTold = 1000;

interface Pending {
  limit: string;
  meter: Meter;
  key: string;
  taken: number;
}

/** @param counts may fail, or be away for long: then every process counts for itself */
export function createSharing(counts: CountDesk, clock: Pick<Clock, 'after'>): Sharing {
  const pending = createBounded<string, Pending>({ entries: mostTold, givesWay: 'newcomer' });
  let isUnderWay = false;
  const tell = async () => {
    const told = [...pending];
    pending.clear();
    try {
      const debts = await counts.add(
        told.map(([key, { meter, taken }]) => ({ key, costMs: taken * meter.costMs, mostMs: meter.limitMs })),
      );
      for (const [at, [name, { meter, key }]] of told.entries()) {
        const since = pending.peek(name)?.taken ?? 0;
        meter.raise(key, (debts[at] ?? 0) + since * meter.costMs);
      }
    } catch {
      // Whoever keeps the counts says so itself when it is out.
    }
    isUnderWay = false;
    if (pending.size > 0) tellSoon();
  };
  const tellSoon = () => {
    if (isUnderWay) return;
    isUnderWay = true;
    clock.after(tellEveryMs, () => void tell()).unref();
  };
  return {
    took(limit, meter, key) {
      const name = `${limit} ${key}`;
      const known = pending.peek(name);
      if (known) known.taken += 1;
      else pending.set(name, { limit, meter, key, taken: 1 });
      tellSoon();
    },
  };
}
