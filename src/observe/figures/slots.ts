/** What of a stretch of time was counted, as it goes from one process to another. */
export interface SlotRead {
  /** Which stretch of time, by its number since the epoch. */
  at: number;
  /** What was counted in it, by the place of each count; what is not there is zero. */
  counts: [place: number, count: number][];
}

/** Counts by the stretch of time in which they come. What is older than its last stretch is forgotten. */
export interface Slots {
  /** Counts one at each of these places; `also` is none below zero. Two in one call, since each request counts. */
  add(now: number, place: number, also?: number): void;
  /** The oldest first, without those in which nothing came. */
  read(now: number): SlotRead[];
}

export interface SlotsOptions {
  /** How long a stretch is, in milliseconds, and how many there are. */
  ms: number;
  most: number;
  /** How many things are counted. */
  places: number;
}

/**
 * A ring of fixed size, in which no timer turns: a stretch is emptied when the next count finds it to be an old one. It
 * takes memory for what is counted, and none for requests.
 */
export function createSlots({ ms, most, places }: SlotsOptions): Slots {
  const counts = new Uint32Array(most * places);
  const numbers = new Float64Array(most).fill(-1);
  /** The stretch that was counted in last, and where it stands among the counts. */
  let from = Number.POSITIVE_INFINITY;
  let until = Number.NEGATIVE_INFINITY;
  let base = 0;
  const turnTo = (now: number) => {
    const at = Math.floor(now / ms);
    const slot = at % most;
    from = at * ms;
    until = from + ms;
    base = slot * places;
    if (numbers[slot] === at) return;
    numbers[slot] = at;
    counts.fill(0, base, base + places);
  };
  return {
    add(now, place, also = -1) {
      if (now < from || now >= until) turnTo(now);
      (counts[base + place] as number)++;
      if (also >= 0) (counts[base + also] as number)++;
    },
    read(now) {
      const last = Math.floor(now / ms);
      const read: SlotRead[] = [];
      for (let at = last - most + 1; at <= last; at++) {
        const slot = ((at % most) + most) % most;
        if (numbers[slot] !== at) continue;
        const found: SlotRead['counts'] = [];
        for (let place = 0; place < places; place++) {
          const count = counts[slot * places + place] as number;
          if (count > 0) found.push([place, count]);
        }
        read.push({ at, counts: found });
      }
      return read;
    },
  };
}

/** The slots of several processes as those of one. */
export function slotsTogether(all: readonly (readonly SlotRead[])[]): SlotRead[] {
  const found = new Map<number, Map<number, number>>();
  for (const { at, counts } of all.flat()) {
    const sums = found.get(at) ?? new Map<number, number>();
    found.set(at, sums);
    for (const [place, count] of counts) sums.set(place, (sums.get(place) ?? 0) + count);
  }
  return [...found].sort(([one], [other]) => one - other).map(([at, sums]) => ({ at, counts: [...sums] }));
}
