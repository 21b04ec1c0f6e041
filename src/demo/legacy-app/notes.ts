import type { Clock } from '../../clock.ts';

export interface Note {
  author: string;
  text: string;
  at: Date;
}

/** The notice board, newest note first. */
export interface NoticeBoard {
  notes: readonly Note[];
  /** Pins a note up; one without text is ignored, a long one cut. */
  pin(author: string, text: string): void;
}

const mostNotes = 50;
const longestNote = 500;

export function createNoticeBoard(clock: Clock): NoticeBoard {
  const notes: Note[] = [];
  const pin = (author: string, text: string) => {
    const short = text.trim().slice(0, longestNote);
    if (short === '') return;
    notes.unshift({ author, text: short, at: new Date(clock.now()) });
    notes.length = Math.min(notes.length, mostNotes);
  };
  pin('The management', 'Please return borrowed punch cards in their original order.');
  return { notes, pin };
}
