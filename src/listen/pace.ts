/**
 * How fast a body has to come where others wait for its place. Each second of it costs so many bytes; what came before is
 * credit, so that one that was fast may pause, and one that has just begun has its time.
 */
export interface Pace {
  /** Bytes of the connection that are counted already. */
  mark: number;
  at: number;
  /** In bytes; below 0 it is too slow. */
  credit: number;
}

/** The slowest lines of phones carry some thousand; Apache asks for as many by itself (`RequestReadTimeout`). */
const bytesPerSecond = 500;
const firstCredit = 5 * bytesPerSecond;
const mostCredit = 20 * bytesPerSecond;

export const beginPace = (mark: number, at: number): Pace => ({ mark, at, credit: firstCredit });

/** Counts what has come up to now. */
export function keepPace(pace: Pace, mark: number, at: number): void {
  const due = ((at - pace.at) / 1000) * bytesPerSecond;
  pace.credit = Math.min(mostCredit, pace.credit + (mark - pace.mark) - due);
  pace.mark = mark;
  pace.at = at;
}

export const isTooSlow = ({ credit }: Pace): boolean => credit < 0;
