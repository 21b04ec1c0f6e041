import type { RouteConfig } from '../config/schema/index.ts';
import { type PathMapping, shiftOf } from './upstream-path.ts';

/**
 * What two places have to have in common so that a path may be read as either: the same people pass in the same
 * way, and the upstream is asked for the same.
 */
export type Access = string;

/** Places that no route takes. */
export const noRoute: Access = 'none';

/** Places below the prefix of the gateway's own endpoints. */
export const ownEndpoint: Access = 'own endpoint';

/** The keys of a route that say who passes, and as whom. */
const deciding = [
  'allow',
  'unauthenticated',
  'provider',
  'stepUp',
  'csrf',
  'preflight',
  'credentials',
] as const;

/** The access of a route, as a text to compare. */
export function accessOf(route: Partial<RouteConfig> & PathMapping & { credentials?: unknown }): Access {
  const values = deciding.map((key) => route[key]);
  return JSON.stringify([...values, route.resource?.identifier, shiftOf(route)]);
}
