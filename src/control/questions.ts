/** A version of the configuration, as it goes from the primary process to its workers. */
export interface SentVersion {
  /** Newer ones have higher numbers. */
  number: number;
  /** The file that it was read from; undefined for the environment alone. */
  file: string | undefined;
  /** The text of that file and of every file that it names. */
  texts: Readonly<Record<string, string>>;
}

/** What the primary process asks its workers. */
export type PrimaryQuestion =
  /** To open a version. It is answered when that is done. */
  | { kind: 'prepare'; version: SentVersion }
  /** What becomes of the version that was opened last. */
  | { kind: 'commit' }
  | { kind: 'abort' };

/** What a worker asks its primary process: the version to begin with. */
export interface WorkerQuestion {
  kind: 'version';
}
