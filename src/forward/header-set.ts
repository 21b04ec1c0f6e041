import type { Config, RouteConfig } from '../config/schema/index.ts';
import type { Template } from '../config/template.ts';
import { foldName } from './request-headers.ts';

/** Header templates by the name that goes upstream; null removes. */
export type HeaderSet = ReadonlyMap<string, Template | null>;

/** The headers of a route: the defaults, under the top-level ones, under its own. */
export function headerSet(
  { defaultHeaders, headers }: Config,
  route: Pick<RouteConfig, 'headers'>,
): HeaderSet {
  const set = new Map<string, [name: string, template: Template | null]>();
  for (const layer of [defaultHeaders, headers, route.headers]) {
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
