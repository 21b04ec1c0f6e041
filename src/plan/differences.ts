import type { Config } from '../config/schema/index.ts';
import { type Consequence, consequencesOf } from './differences/consequences.ts';
import { differingKeys, type KeyDifference, keysThatDiffer } from './differences/keys.ts';
import { hostsWithOtherOddPaths } from './differences/odd-paths.ts';
import { type RouteDifference, routeDifferences } from './differences/routes.ts';
import type { Plan } from './plan.ts';

export type { Consequence } from './differences/consequences.ts';
export { differingKeys, type KeyDifference } from './differences/keys.ts';
export type { People } from './differences/people.ts';
export type { RouteDifference } from './differences/routes.ts';

/** What one plan in the place of another means, as JSON may carry it; no secret is in it. */
export interface Differences {
  routes: RouteDifference[];
  /** Keys beside `routes`. */
  keys: KeyDifference[];
  consequences: Consequence[];
  /**
   * Hosts on which other paths can be read in two ways than before: `/Admin` or `/admin%2Fx` may be refused that passed,
   * or pass as what the application makes of it. Empty stands for all that no route names.
   */
  oddPaths: string[];
  /** Keys that differ and are not taken over but by a start. */
  fixed: string[];
}

/** What no file has: it is made of the rest, or told with the routes. */
const madeKeys = ['routes', 'upstream', 'secrets', 'shown', 'defaultHeaders'];

/**
 * Says what changes, and for whom. A route is `widened` where somebody passes for some request who did not before, by
 * what decides on its requests before and after: a route that is removed leaves them to another one. Who passes is
 * compared for all people at once; where that is more than can be told, it is `changed`, never less than it is.
 * Requests are those that are spelt plainly; `oddPaths` is for the others.
 * @param options.fixed keys that stay as they are while the process runs
 * @param options.steps how much one comparison of two rules may look at, if not some milliseconds
 */
export function differencesOf(
  before: Plan,
  after: Plan,
  { fixed = [], steps }: { fixed?: readonly (keyof Config)[]; steps?: number } = {},
): Differences {
  const told = ({ config }: Plan) => ({ real: { ...config }, shown: config.shown });
  const routes = routeDifferences(before, after, steps);
  return {
    routes,
    keys: keysThatDiffer(told(before), told(after), madeKeys),
    consequences: consequencesOf(before, after),
    oddPaths: hostsWithOtherOddPaths(before, after),
    fixed: differingKeys(before.config, after.config, fixed),
  };
}

/** Whether two plans are the same to everybody. */
export function isSameForAll({ routes, keys, oddPaths: odd }: Differences): boolean {
  return routes.length + keys.length + odd.length === 0;
}
