import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';

/** Gives the text of a file. Throws as `readFileSync` does. */
export type ReadFile = (path: string) => string;

/** The files of one version of the configuration: each is read once, so that whoever asks has the same text. */
export interface Files {
  read: ReadFile;
  /** The text of each file that could be read, by its path, for another process that goes by the same version. */
  texts(): Readonly<Record<string, string>>;
  /** Every path that was asked for, be it in vain. */
  paths(): readonly string[];
  /** What the file of a path was just before it was read; undefined where it was not asked for. */
  markOf(path: string): string | undefined;
}

/**
 * @param known texts that were read before; the others are read from the disk
 * @param readFile reads one from the disk
 */
export function openFiles(
  known: Readonly<Record<string, string>> = {},
  readFile: ReadFile = (path) => readFileSync(path, 'utf8'),
): Files {
  const texts = new Map(Object.entries(known));
  const paths = new Set<string>(texts.keys());
  const marks = new Map<string, string>();
  return {
    read(path) {
      const text = texts.get(path);
      if (text !== undefined) return text;
      paths.add(path);
      if (!marks.has(path)) marks.set(path, markOf(path));
      const read = readFile(path);
      texts.set(path, read);
      return read;
    },
    texts: () => Object.fromEntries(texts),
    paths: () => [...paths],
    markOf: (path) => marks.get(path),
  };
}

/** A hundred times what a bundle of all public authorities has. */
const largestFile = 16 * 1024 * 1024;

/**
 * Reads a file while requests are served: what would hold them up is refused. A pipe waits for a writer, a device may
 * never end, and a large file takes seconds. Throws errors whose `code` is for people to read.
 */
export const readPromptly: ReadFile = (path) => {
  // Without O_NONBLOCK, opening a pipe waits already.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() && !stats.isDirectory()) throw unreadable(path, 'it is no regular file');
    if (stats.size > largestFile) throw unreadable(path, 'it has more than 16 MiB');
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
};

/** What tells a file from the one that stood there before. */
export function markOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch {
    return 'none';
  }
}

const unreadable = (path: string, code: string) =>
  Object.assign(new Error(`${path} cannot be read: ${code}`), { code });

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'the user of this process may not read it',
  EPERM: 'the user of this process may not read it',
  EISDIR: 'it is a folder',
};

/** Why a file could not be read, in words, with the code of the system. */
export function whyUnread(error: unknown): string {
  const { code = 'unreadable' } = error as NodeJS.ErrnoException;
  const words = reasons[code];
  return words === undefined ? code : `${code}: ${words}`;
}

/** What a key names cannot be used, such as a file; `code` is that of the system. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
  readonly key: string;
  readonly reason: string;
  readonly code: string | undefined;

  constructor(key: string, reason: string, code?: string) {
    super(`${key}: ${reason}`);
    this.key = key;
    this.reason = reason;
    this.code = code;
  }
}
