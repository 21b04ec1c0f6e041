import { createBounded } from '../../bounded.ts';

/** About as much as the sessions take that are open in memory; beyond that the ones that were read the longest ago go. */
const mostRows = 20_000;
const mostBytes = 32 * 1024 * 1024;
/** What an entry takes beside its value. */
const rowBytes = 300;

/** A time in which every change of a row was told here. It ends with the connection that tells. */
export interface Era {
  /** So long that is proven, on the monotonic clock. */
  provenAt: number;
  /** So far was the time of day ahead of that clock by then. */
  ahead: number;
}

export const unproven = (): Era => ({ provenAt: Number.NEGATIVE_INFINITY, ahead: 0 });

export interface KnownRow {
  readonly value: string;
  /** When it was asked for, on the monotonic clock. */
  readonly at: number;
  readonly era: Era;
  /** Somebody may have changed it since. */
  isDoubted: boolean;
}

/** Something that is asked of a row, or done to it. */
export interface Watch {
  /** What comes of it is of before a change: it must be asked again. */
  isOld: boolean;
}

/**
 * The rows of the table that this process has read. None of them was read before a change and arrived after it: each read
 * and write holds a watch meanwhile, and a word on a row reaches every watch of it.
 */
export interface KnownRows {
  get(id: string): KnownRow | undefined;
  /** @param now on the monotonic clock */
  watch(id: string, now: number): Watch;
  /** What came of it: a value is known from now on, unless somebody told of a change. */
  end(watch: Watch, value: string | undefined): void;
  /** The row was changed, or is being changed: what is known of it goes. */
  forget(id: string, by?: Watch): void;
  /** The same where nobody may have changed it: it can be used where nothing better can be had. */
  doubt(id: string, by?: Watch): void;
  /** Changes are told from now on, and were not before. */
  beginEra(era: Era): void;
  clear(): void;
}

interface Watching extends Watch {
  readonly id: string;
  readonly at: number;
  readonly era: Era;
}

/** @param bounds for tests */
export function createKnownRows(
  { entries, bytes }: { entries: number; bytes: number } = { entries: mostRows, bytes: mostBytes },
): KnownRows {
  const rows = createBounded<string, KnownRow>({
    entries,
    bytes: { most: bytes, of: ({ value }) => value.length + rowBytes },
  });
  const watches = new Map<string, Set<Watching>>();
  let era = unproven();

  const tell = (id: string, by: Watch | undefined) => {
    for (const watch of watches.get(id) ?? []) if (watch !== by) watch.isOld = true;
  };
  const leave = (watch: Watching) => {
    const others = watches.get(watch.id);
    others?.delete(watch);
    if (others?.size === 0) watches.delete(watch.id);
  };

  return {
    get: (id) => rows.peek(id),
    watch(id, at) {
      const watch: Watching = { id, at, era, isOld: false };
      const others = watches.get(id) ?? new Set();
      watches.set(id, others.add(watch));
      return watch;
    },
    end(ended, value) {
      const watch = ended as Watching;
      leave(watch);
      if (watch.isOld || watch.era !== era) return;
      if (value === undefined) return rows.delete(watch.id);
      // Equal texts become one, which costs nothing to compare.
      const same = rows.peek(watch.id)?.value;
      rows.set(watch.id, { value: same === value ? same : value, at: watch.at, era, isDoubted: false });
    },
    forget(id, by) {
      tell(id, by);
      rows.delete(id);
    },
    doubt(id, by) {
      tell(id, by);
      const row = rows.peek(id);
      if (row) row.isDoubted = true;
    },
    beginEra(next) {
      era = next;
    },
    clear: () => rows.clear(),
  };
}
