import type { Posted } from './shared.ts';

interface Note {
  value: string;
  until: number;
  afterwards: { value: string; forMs: number } | undefined;
}

/** Notes that are kept at the most; the oldest give way. */
const mostNotes = 100_000;

/** Outcomes of work, for as long as they linger, and the marks that they leave. */
export interface Board {
  read(key: string): string | undefined;
  post(key: string, posted: Posted): void;
}

export function createBoard(now: () => number = Date.now): Board {
  const notes = new Map<string, Note>();
  return {
    read(key) {
      const note = notes.get(key);
      if (!note) return undefined;
      if (note.until > now()) return note.value;
      notes.delete(key);
      if (!note.afterwards || note.until + note.afterwards.forMs <= now()) return undefined;
      notes.set(key, {
        value: note.afterwards.value,
        until: note.until + note.afterwards.forMs,
        afterwards: undefined,
      });
      return note.afterwards.value;
    },
    post(key, { value, lingerMs, afterwards }) {
      notes.delete(key);
      if (lingerMs <= 0) return;
      notes.set(key, { value, until: now() + lingerMs, afterwards });
      for (const oldest of notes.keys()) {
        if (notes.size <= mostNotes) break;
        notes.delete(oldest);
      }
    },
  };
}
