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
  const notes = new Map<string, Note>();
  let held = 0;
  const remove = (key: string, note: Note) => {
    notes.delete(key);
    held -= sizeOf(note);
  };
  const put = (key: string, note: Note) => {
    notes.set(key, note);
    held += sizeOf(note);
  };
  return {
    read(key) {
      const note = notes.get(key);
      if (!note) return undefined;
      if (note.until > now()) return note.value;
      const { afterwards } = note;
      const until = note.until + (afterwards?.forMs ?? 0);
      if (afterwards && until > now()) {
        remove(key, note);
        put(key, { value: afterwards.value, until, afterwards: undefined, rememberedUntil: until });
        return afterwards.value;
      }
      if (note.rememberedUntil <= now()) remove(key, note);
      return undefined;
    },
    recall(key) {
      const note = notes.get(key);
      return note && note.rememberedUntil > now() ? note.value : undefined;
    },
    post(key, { value, lingerMs, afterwards, rememberMs = 0 }) {
      const earlier = notes.get(key);
      if (earlier) remove(key, earlier);
      if (lingerMs <= 0) return;
      const until = now() + lingerMs;
      put(key, { value, until, afterwards, rememberedUntil: until + rememberMs });
      for (const [oldest, note] of notes) {
        if (notes.size <= mostNotes && held <= limit) break;
        remove(oldest, note);
      }
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

const sizeOf = ({ value, afterwards }: Note) => value.length + (afterwards?.value.length ?? 0);
