import { type Bounded, createBounded } from '../../bounded.ts';
import { networkOf } from '../../client-network.ts';
import type { Clock, Timer } from '../../clock.ts';
import type { AuditFields } from '../audit-schema.ts';

/** Keeps whoever repeats something from filling the disk. */
export interface Repeats {
  /** Takes what anybody can bring about: it is told of at once, or counted. */
  take(fields: AuditFields): void;
  /** Tells what was counted so far. */
  flush(): void;
}

/** So many of one kind, of all kinds of one client, and of all are told of one by one, within a minute from the first. */
const mostOfOne = 10;
const mostOfClient = 60;
const mostOfAll = 600;
const minuteMs = 60_000;

interface Counted {
  told: number;
  repeated: number;
  last: AuditFields;
  isOfMany?: true;
}

/**
 * Counts what each client or person does. One thing again and again costs eleven lines a minute, and everything that there
 * is somewhat more than sixty; others lose no line by it. What is above that is counted by event, and so are those who
 * come last when many are at it together.
 */
export function createRepeats(clock: Clock, tell: (fields: AuditFields) => void): Repeats {
  const byKind = createBounded<string, Counted>({ entries: mostOfAll, givesWay: 'newcomer' });
  /** By event, of each client that does too much and of all others; of few clients, since each has told of so many. */
  const ofMany = new Map<string, Counted>();
  /** No more of them than lines. */
  const toldOf = new Map<string, number>();
  let told = 0;
  let timer: Timer | undefined;

  const flush = () => {
    timer?.cancel();
    timer = undefined;
    told = 0;
    const all = [...byKind.values(), ...ofMany.values()];
    byKind.clear();
    ofMany.clear();
    toldOf.clear();
    for (const { repeated, last } of all) if (repeated > 0) tell({ ...last, repeated });
  };
  const isTooMuch = (who: string | undefined) => who !== undefined && (toldOf.get(who) ?? 0) >= mostOfClient;
  const countOf = (fields: AuditFields, who: string | undefined): Counted => {
    const key = keyOf(fields);
    const known = byKind.peek(key);
    if (known) return known;
    const isOne = isTooMuch(who);
    if (told < mostOfAll && !isOne) return enter(byKind, key, { told: 0, repeated: 0, last: fields });
    const { event, client, subject } = fields;
    const last = isOne ? { event, client, subject } : { event };
    const manyKey = JSON.stringify([event, isOne ? who : '']);
    const many = ofMany.get(manyKey) ?? { told: mostOfOne, repeated: 0, last, isOfMany: true };
    ofMany.set(manyKey, many);
    return many;
  };

  return {
    take(fields) {
      timer ??= clock.after(minuteMs, flush).unref();
      const who = whoOf(fields);
      const counted = countOf(fields, who);
      if (counted.told < mostOfOne && told < mostOfAll && !isTooMuch(who)) {
        counted.told += 1;
        told += 1;
        if (who !== undefined) toldOf.set(who, (toldOf.get(who) ?? 0) + 1);
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

/** Events with one key are repeats. The key has nothing that a client can choose anew each time, as an address in its network. */
function keyOf({
  requestId: _id,
  method: _method,
  path: _path,
  reason: _reason,
  ...kind
}: AuditFields): string {
  const { client } = kind;
  return JSON.stringify(client === undefined ? kind : { ...kind, client: networkOf(client) });
}

/** People behind one address are told apart once they are known. Undefined where nobody says the address. */
const whoOf = ({ client, subject }: AuditFields): string | undefined =>
  client === undefined ? undefined : JSON.stringify([networkOf(client), subject]);
