import { readFileSync } from 'node:fs';

/** Gives the text of a file. Throws as `readFileSync` does. */
export type ReadFile = (path: string) => string;

/** The files of one version of the configuration: each is read once, so that whoever asks has the same text. */
export interface Files {
  read: ReadFile;
  /** The text of each file that could be read, by its path, for another process that goes by the same version. */
  texts(): Readonly<Record<string, string>>;
  /** Every path that was asked for, be it in vain. */
  paths(): readonly string[];
}

/** @param known texts that were read before; the others are read from the disk */
export function openFiles(known: Readonly<Record<string, string>> = {}): Files {
  const texts = new Map(Object.entries(known));
  const paths = new Set<string>(texts.keys());
  return {
    read(path) {
      const text = texts.get(path);
      if (text !== undefined) return text;
      paths.add(path);
      const read = readFileSync(path, 'utf8');
      texts.set(path, read);
      return read;
    },
    texts: () => Object.fromEntries(texts),
    paths: () => [...paths],
  };
}
