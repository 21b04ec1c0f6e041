import { withAccess } from '../../access/decide.ts';
import { findClashes } from '../../routes/clashes.ts';
import { routesOf } from '../normalise.ts';
import type { Config } from '../schema/index.ts';
import { type Check, each, type Subject } from './check.ts';
import { providerNames, type Route, routes, type Whole } from './subjects.ts';

interface RouteWithTwin extends Route {
  /** What matches the very same requests, and stands before it. */
  twin: string | undefined;
}

/** The routes, each with the first one before it that is for one of the same hosts, paths and methods. */
export function withTwins(whole: Whole): RouteWithTwin[] {
  const seen = new Map<string, string>();
  if (whole.has('upstream')) seen.set('* /', 'the top-level `upstream`');
  return routes(whole).map((route) => {
    const keys = requestsOf(route);
    const twin = keys.map((key) => seen.get(key)).find((other) => other !== undefined);
    for (const key of keys) if (!seen.has(key)) seen.set(key, `routes[${route.index}]`);
    return { ...route, twin };
  });
}

/** A text for each host, path and method that a route is for; none where one of them is not valid. */
function requestsOf({ has, value: { host, path, methods } }: Route): string[] {
  const isKnown = path !== undefined && (host !== undefined || !has('host'));
  if (!isKnown) return [];
  const at = `${host ?? '*'} ${path}`;
  if (!has('methods')) return [at];
  return (methods ?? []).flatMap((method) => (method === undefined ? [] : [`${at} ${method}`]));
}

interface Clash extends Subject {
  message: string;
}

/** Routes that the table of routes would never choose. It can be asked once all that it is made of is valid. */
function clashes(whole: Whole): Clash[] {
  const { routes: given, paths, endpoints, upstream } = whole.value;
  const isValid = (['routes', 'paths', 'endpoints', 'upstream'] as const).every(whole.isValid);
  if (!isValid || given === undefined || withTwins(whole).some(({ twin }) => twin !== undefined)) return [];
  const table = { routes: given, paths, endpoints } as Pick<Config, 'routes' | 'paths' | 'endpoints'>;
  const hasLogin = providerNames(whole).length > 0;
  return findClashes(withAccess({ ...table, routes: routesOf(table.routes, upstream, hasLogin) })).map(
    ({ index, message }) => ({ at: ['routes', index, 'path'], message }),
  );
}

export const clashChecks: readonly Check<Whole>[] = [
  each(clashes, [{ when: () => true, says: ({ message }) => message }]),
];
