import type { Health } from '../estate/health.ts';
import type { Differences } from '../plan/differences.ts';

/** What the admin listener does for those who ask it. It is the same for one process and for several workers. */
export interface Controls {
  health(): Promise<Health>;
  /** Reads the configuration again, and goes on with it unless only asked what would change. Never rejects. */
  reload(options: { dryRun: boolean }): Promise<ReloadAnswer>;
  /** From now on it is not ready, answers close their connections, and requests are served all the same. */
  drain(): Promise<void>;
  /** The configuration in force as plain JSON, secrets masked. */
  config(): unknown;
  /** The people who are signed in; undefined where nobody is. */
  people?: People | undefined;
}

/** The sessions of people, for those who look after the gateway. */
export interface People {
  /** `none` with sessions in cookies: they are with the browsers, and can only be ended. */
  listing: 'all' | 'none';
  /** The newest first; none with sessions in cookies. Rejects with GatewayError 503 when the store is out. */
  list(user: string): Promise<ListedSession[]>;
  /**
   * Ends a session by its id; false where none is known by it, which with sessions in cookies nobody can tell. Rejects
   * with GatewayError 503 when not everybody could be told.
   */
  end(id: string): Promise<boolean>;
  /**
   * Ends all sessions of a person that began before now; gives how many were listed, undefined with sessions in
   * cookies. Rejects as `end` does.
   */
  endAll(user: string): Promise<number | undefined>;
}

/** One session of a person. Times are seconds since the epoch. */
export interface ListedSession {
  id: string;
  provider: string;
  subject: string;
  user?: string | undefined;
  email?: string | undefined;
  createdAt: number;
  seenAt: number;
  expiresAt: number;
}

/** What came of a reload, as JSON. */
export type ReloadAnswer =
  | {
      result: 'reloaded' | 'unchanged' | 'would-reload';
      /** What changes for whom; see plan/differences.ts. */
      differences: Differences;
      warnings: readonly string[];
    }
  /** Nothing has changed. */
  | { result: 'refused'; problems: readonly string[] };
