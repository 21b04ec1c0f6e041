import type { Config, RouteConfig } from '../config/schema/index.ts';
import { parseTemplate, type Template } from '../config/template.ts';
import { foldName } from './request-headers.ts';

/** Header templates by the name that goes upstream; null removes. */
export type HeaderSet = ReadonlyMap<string, Template | null>;

/** What every application gets unless its configuration says otherwise. */
function defaultHeaders({ user, email, groups }: Config['provider']['claims']): Record<string, Template> {
  return {
    Authorization: parseTemplate('Bearer {access_token}'),
    'X-Forwarded-User': parseTemplate(`{claims.${user}}`),
    'X-Forwarded-Email': parseTemplate(`{claims.${email}}`),
    'X-Forwarded-Preferred-Username': parseTemplate('{claims.preferred_username}'),
    'X-Forwarded-Groups': parseTemplate(`{claims.${groups}}`),
  };
}

/** The headers of a route: the defaults, under the top-level ones, under its own. */
export function headerSet({ provider, headers }: Config, route: Pick<RouteConfig, 'headers'>): HeaderSet {
  const set = new Map<string, [name: string, template: Template | null]>();
  for (const layer of [defaultHeaders(provider.claims), headers, route.headers]) {
    for (const [name, template] of Object.entries(layer)) set.set(foldName(name), [name, template]);
  }
  return new Map(set.values());
}

/** Every name that any route sets or removes, folded: on all routes a client's own copy is not believed. */
export function ownedNames(sets: Iterable<HeaderSet>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const set of sets) for (const name of set.keys()) names.add(foldName(name));
  return names;
}
