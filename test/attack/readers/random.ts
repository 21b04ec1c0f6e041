/** A source of chance that gives the same for the same seed, so that every finding can be had again. */
export interface Chance {
  /** A whole number from 0 up to, not including, the limit. */
  below(limit: number): number;
  /** True so often, of one. */
  is(share: number): boolean;
  of<T>(choices: readonly T[]): T;
}

/** Mulberry32: short, even enough, and of 32 bits of state. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (limit) => Math.floor(next() * limit),
    is: (share) => next() < share,
    of(choices) {
      const chosen = choices[Math.floor(next() * choices.length)];
      if (chosen === undefined) throw new Error('nothing to choose from');
      return chosen;
    },
  };
}
