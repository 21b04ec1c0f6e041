import { statSync } from 'node:fs';
import type { Clock } from '../clock.ts';

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
 */
export function watchFiles(paths: () => readonly string[], clock: Clock, onChanged: () => void): FileWatch {
  let known = marksOf(paths());
  let before = '';
  const look = () => {
    const marks = marksOf(paths());
    const changed = [...marks].filter(([path, mark]) => known.has(path) && known.get(path) !== mark);
    for (const [path, mark] of marks) if (!known.has(path)) known.set(path, mark);
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

/** What tells a file from the one that stood there before. */
function markOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch {
    return 'none';
  }
}
