import type { Target } from '../targets.ts';
import type { Health } from './health.ts';
import { isLeftOut, type Standing } from './standing.ts';

/** A target as one of those of a route. */
export interface Member {
  target: Target;
  /** Its share of the requests, beside those of the others. */
  weight: number;
  standing: Standing;
  /** What checks say of it; undefined where there are none. */
  health: Health | undefined;
}

/** Whether a member takes no requests while there are others. */
export function isOut({ standing, health }: Member, now: () => number): boolean {
  if (health && !health.isHealthy) return true;
  if (!isLeftOut(standing, now)) return false;
  // Whether it can be reached, a check tells sooner than the next request.
  return !(standing.isUnreachable && health && health.provenAt > standing.outAt);
}

/** Whether both its checks and its requests say so: where all are out, such a one comes last. */
export const isOutTwice = ({ standing, health }: Member, now: () => number): boolean =>
  health !== undefined && !health.isHealthy && isLeftOut(standing, now);

/** Chooses among members for which `isFit` holds, and moves on; undefined where it holds for none. */
export type Choose = (isFit: (member: Member) => boolean) => Member | undefined;
