import { type Bounded, createBounded } from '../../bounded.ts';
import type { Clock, Timer } from '../../clock.ts';
import type { AuditEvent } from '../audit-events.ts';
import type { AuditFields } from '../audit-schema.ts';

/** Keeps whoever repeats something from filling the disk. */
export interface Repeats {
  /** Takes what anybody can bring about: it is told of at once, or counted. */
  take(fields: AuditFields): void;
  /** Tells what was counted so far. */
  flush(): void;
}

/** So many of one kind are told of one by one, and of all kinds together, within one minute from the first on. */
const mostOfOne = 10;
const mostOfAll = 600;
const minuteMs = 60_000;

interface Counted {
  told: number;
  repeated: number;
  last: AuditFields;
  isOfMany?: true;
}

/**
 * Counts by who does what: a scanner costs eleven lines a minute, and nobody else any. When many are at it together,
 * those who come last are counted by what they do alone.
 */
export function createRepeats(clock: Clock, tell: (fields: AuditFields) => void): Repeats {
  const byKind = createBounded<string, Counted>({ entries: mostOfAll, givesWay: 'newcomer' });
  const ofMany = new Map<AuditEvent, Counted>();
  let told = 0;
  let timer: Timer | undefined;

  const flush = () => {
    timer?.cancel();
    timer = undefined;
    told = 0;
    const all = [...byKind.values(), ...ofMany.values()];
    byKind.clear();
    ofMany.clear();
    for (const { repeated, last } of all) if (repeated > 0) tell({ ...last, repeated });
  };
  const countOf = (fields: AuditFields): Counted => {
    const key = keyOf(fields);
    const known = byKind.peek(key);
    if (known) return known;
    if (told < mostOfAll) return enter(byKind, key, { told: 0, repeated: 0, last: fields });
    const { event } = fields;
    const many = ofMany.get(event) ?? { told: mostOfOne, repeated: 0, last: { event }, isOfMany: true };
    ofMany.set(event, many);
    return many;
  };

  return {
    take(fields) {
      timer ??= clock.after(minuteMs, flush).unref();
      const counted = countOf(fields);
      if (counted.told < mostOfOne && told < mostOfAll) {
        counted.told += 1;
        told += 1;
        tell(fields);
        return;
      }
      counted.repeated += 1;
      if (!counted.isOfMany) counted.last = fields;
    },
    flush,
  };
}

function enter(map: Bounded<string, Counted>, key: string, counted: Counted): Counted {
  map.set(key, counted);
  return counted;
}

/** Who does what. What of a request is new each time is no part of it. */
function keyOf({ requestId: _id, path: _path, reason: _reason, ...kind }: AuditFields): string {
  return JSON.stringify(kind);
}
