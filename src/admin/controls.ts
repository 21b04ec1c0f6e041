import type { Health } from '../estate/health.ts';
import type { Format } from '../observe/metrics/exposition.ts';
import type { Differences } from '../plan/differences.ts';
import type { People } from '../session/people.ts';
import type { Status } from './status/facts.ts';

/** What the admin listener does for those who ask it. It is the same for one process and for several workers. */
export interface Controls {
  health(): Promise<Health>;
  /** The metrics of all processes, as one text; undefined while they are off. */
  metrics(format: Format): Promise<{ type: string; text: string } | undefined>;
  /** How all processes together stand, for the status page. */
  status(): Promise<Status>;
  /** Reads the configuration again, and goes on with it unless only asked what would change. Never rejects. */
  reload(options: { dryRun: boolean }): Promise<ReloadAnswer>;
  /** From now on it is not ready, answers close their connections, and requests are served all the same. */
  drain(): Promise<void>;
  /** The configuration in force as plain JSON, secrets masked. */
  config(): unknown;
  /** The sessions of people; undefined where there are none to be looked after. */
  people(): People | undefined;
}

/** What came of a reload, as JSON. */
export type ReloadAnswer =
  | {
      result: 'reloaded' | 'unchanged' | 'would-reload';
      /** What changes for whom, for those who ask by the admin listener. */
      differences?: Differences;
      warnings: readonly string[];
    }
  /** Nothing has changed. */
  | { result: 'refused'; problems: readonly string[] };
