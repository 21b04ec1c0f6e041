import type { Clock } from '../clock.ts';
import { markOf } from '../files.ts';

/** How often files are looked at. What changes again before the next look is still being written. */
const lookEveryMs = 1000;

export interface FileWatch {
  /** What the files are by now is no change any more. */
  seen(): void;
  close(): void;
}

/**
 * Calls back when one of some files is another one than before, and has stayed so from one look to the next. Files are
 * looked at rather than listened to: mounted secrets are swapped by symbolic links, which events miss.
 * @param paths the files of now; they may be others at each look, which by itself is no change
 * @param markAtRead what a file was when it was read: what has changed since then, ahead of the first look, counts
 */
export function watchFiles(
  paths: () => readonly string[],
  clock: Clock,
  onChanged: () => void,
  markAtRead: (path: string) => string | undefined = () => undefined,
): FileWatch {
  let known = new Map(paths().map((path) => [path, markAtRead(path) ?? markOf(path)]));
  let before = '';
  const look = () => {
    const marks = marksOf(paths());
    for (const [path, mark] of marks) if (!known.has(path)) known.set(path, markAtRead(path) ?? mark);
    const changed = [...marks].filter(([path, mark]) => known.get(path) !== mark);
    const now = JSON.stringify(changed);
    const isSettled = changed.length > 0 && now === before;
    before = now;
    if (!isSettled) return;
    known = marks;
    before = '';
    onChanged();
  };
  const timer = clock.every(lookEveryMs, look);
  return {
    seen() {
      known = marksOf(paths());
      before = '';
    },
    close: () => timer.cancel(),
  };
}

const marksOf = (paths: readonly string[]) => new Map(paths.map((path) => [path, markOf(path)]));
