import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { Posted } from './shared.ts';

interface Note {
  value: string;
  until: number;
  afterwards: { value: string; forMs: number } | undefined;
  /** Until then the value is told to whoever does the work again. */
  rememberedUntil: number;
}

/** Notes and characters that are kept at the most; the oldest give way. */
const mostNotes = 100_000;
const mostCharacters = 64 * 1024 * 1024;

/** Outcomes of work, for as long as they linger, and the marks that they leave. */
export interface Board {
  read(key: string): string | undefined;
  /** The last value, for whoever does the work again. */
  recall(key: string): string | undefined;
  post(key: string, posted: Posted): void;
  /** What still counts, as it would have to be posted now. */
  all(): Iterable<[string, Posted]>;
}

export function createBoard(
  { monotonic: now }: Pick<Clock, 'monotonic'>,
  limit: number = mostCharacters,
): Board {
  const notes = createBounded<string, Note>({
    entries: mostNotes,
    bytes: { most: limit, of: sizeOf },
    ends: { at: endOf, now },
  });
  return {
    read(key) {
      const note = notes.get(key);
      if (!note) return undefined;
      if (note.until > now()) return note.value;
      const { afterwards } = note;
      const until = note.until + (afterwards?.forMs ?? 0);
      if (afterwards && until > now()) {
        notes.set(key, { value: afterwards.value, until, afterwards: undefined, rememberedUntil: until });
        return afterwards.value;
      }
      return undefined;
    },
    recall(key) {
      const note = notes.get(key);
      return note && note.rememberedUntil > now() ? note.value : undefined;
    },
    post(key, { value, lingerMs, afterwards, rememberMs = 0 }) {
      if (lingerMs <= 0) return notes.delete(key);
      const until = now() + lingerMs;
      notes.set(key, { value, until, afterwards, rememberedUntil: until + rememberMs });
    },
    *all() {
      for (const [key, { value, until, afterwards, rememberedUntil }] of notes) {
        const lingerMs = until - now();
        const mark = afterwards && { afterwards };
        yield [key, { value, lingerMs, ...mark, rememberMs: rememberedUntil - until }];
      }
    },
  };
}

/** Until then there is something to be told of it. */
const endOf = ({ until, afterwards, rememberedUntil }: Note) =>
  Math.max(until + (afterwards?.forMs ?? 0), rememberedUntil);

const sizeOf = ({ value, afterwards }: Note) => value.length + (afterwards?.value.length ?? 0);
