import type { ProcessStatus } from '../admin/status/facts.ts';
import type { MetricValues } from '../observe/metrics/series.ts';

/** A version of the configuration, as it goes from the primary process to its workers. */
export interface SentVersion {
  /** Newer ones have higher numbers. */
  number: number;
  /** The file that it was read from; undefined for the environment alone. */
  file: string | undefined;
  /** The text of that file and of every file that it names. */
  texts: Readonly<Record<string, string>>;
}

/** What a worker begins with. */
export interface Beginning {
  version: SentVersion;
  /** Where the admin listener is; undefined where there is none. */
  adminUrl: string | undefined;
}

/** What the primary process asks its workers. */
export type PrimaryQuestion =
  /** To open a version. Answered when that is done: whether it was, since what leaves opens no more. */
  | { kind: 'prepare'; version: SentVersion }
  /** What becomes of it, by its number. To abort one that is still being opened has it given up when it is. */
  | { kind: 'commit'; number: number }
  | { kind: 'abort'; number: number }
  /** Answered with its `Health`; refused by one that leaves while another takes its place. */
  | { kind: 'health' }
  /** Answered with its `MetricValues[]`, or undefined while metrics are off. */
  | { kind: 'metrics' }
  /** Answered with its `ProcessStatus`. */
  | { kind: 'status' }
  /** What is done with the sessions of people, all of which any worker reaches. */
  | { kind: 'list' | 'endAll'; user: string }
  | { kind: 'end'; id: string };

/** What a worker asks its primary process. */
export type WorkerQuestion =
  /** What to begin with, a `Beginning`. */
  | { kind: 'beginning' }
  /** To keep what it has counted to its end; answered when that is done. */
  | { kind: 'counted'; metrics: MetricValues[] | undefined; status: ProcessStatus };
