import type { LoadedConfig } from '../config/load.ts';
import type { Health } from '../estate/health.ts';
import type { Gateway, Prepared } from '../gateway.ts';
import type { MetricValues } from '../observe/metrics/series.ts';
import type { Looked } from './members.ts';

/** What runs, as those command it who run it: one process, or all workers as one. */
export interface Running extends Pick<Gateway, 'people' | 'drain' | 'close'> {
  /** Never rejects. */
  health(): Promise<Health>;
  /** What each process has counted; undefined while metrics are off. */
  metrics(): Promise<(readonly MetricValues[])[] | undefined>;
  /** What each process says for the status page, and how many of them there should be. Never rejects. */
  status(): Promise<Looked & { wanted: number }>;
  /**
   * Opens another configuration. Rejects, with nothing changed, when it cannot be used. One at a time: the next one waits
   * for what becomes of this one.
   */
  prepare(loaded: LoadedConfig): Promise<Prepared>;
}
