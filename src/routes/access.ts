import type { Route } from './route.ts';
import { type PathMapping, shiftOf } from './upstream-path.ts';

/**
 * What two places have to have in common so that a path may be read as either: the same people pass in the same
 * way, and the upstream is asked for the same.
 */
export type AccessKey = string;

/** Places that no route takes. */
export const noRoute: AccessKey = 'none';

/** Places below the prefix of the gateway's own endpoints. */
export const ownEndpoint: AccessKey = 'own endpoint';

/** The access of a route, as a text to compare. */
export function accessOf(route: Pick<Route, 'access' | 'resource'> & PathMapping): AccessKey {
  return JSON.stringify([route.access.key, route.resource?.identifier, shiftOf(route)]);
}
