import type { Clock } from '../clock.ts';
import { type FiguresRead, figuresOfEnded, noFigures } from '../observe/figures/figures.ts';

/** What one worker has said for the status page. */
export interface FiguresOfWorker {
  /** These are its figures by now. */
  last(figures: FiguresRead): void;
  /** Its figures as it said them last. */
  known(): FiguresRead;
  /** It has ended. */
  end(): void;
}

/** Keeps the figures of workers that have ended, so that a plot has no gap where one took the place of another. */
export interface FigureKeeper {
  /** For a worker that begins. */
  open(): FiguresOfWorker;
  /** Of all that have ended, as those of one. */
  ended(): FiguresRead;
}

export function createFigureKeeper({ now }: Pick<Clock, 'now'>): FigureKeeper {
  let ended = noFigures;
  return {
    open() {
      let known = noFigures;
      return {
        last(figures) {
          known = figures;
        },
        known: () => known,
        end() {
          ended = figuresOfEnded([ended, known], now());
        },
      };
    },
    ended: () => ended,
  };
}
