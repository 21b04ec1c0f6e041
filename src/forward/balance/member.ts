import type { Target } from '../targets.ts';
import type { Standing } from './standing.ts';

/** A target as one of those of a route. */
export interface Member {
  target: Target;
  /** Its share of the requests, beside those of the others. */
  weight: number;
  standing: Standing;
}

/** Chooses among members for which `isFit` holds, and moves on; undefined where it holds for none. */
export type Choose = (isFit: (member: Member) => boolean) => Member | undefined;
