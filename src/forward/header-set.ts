import type { Config, RouteConfig } from '../config/schema/index.ts';
import type { Template } from '../config/template.ts';
import { foldName } from './client-headers.ts';

/** Header templates by the name that goes upstream; null removes. */
export type HeaderSet = ReadonlyMap<string, Template | null>;

/** The headers of a route: the defaults, under the top-level ones, under its own. */
export function headerSet(
  { defaultHeaders, headers }: Config,
  route: Pick<RouteConfig, 'headers' | 'basicAuth' | 'token'>,
): HeaderSet {
  const set = new Map<string, [name: string, template: Template | null]>();
  const { basicAuth } = route;
  // RFC 7617: `Basic` and what is encoded as a whole.
  const credentials: Record<string, Template> = basicAuth
    ? { Authorization: ['Basic ', { value: { kind: 'credentials', ...basicAuth }, filter: 'base64' }] }
    : {};
  // An upstream with a token of its own does not get the session's as well.
  const token: Record<string, Template> = route.token
    ? { Authorization: ['Bearer ', { value: { kind: 'token' }, filter: undefined }] }
    : {};
  for (const layer of [defaultHeaders, token, headers, route.headers, credentials]) {
    for (const [name, template] of Object.entries(layer)) set.set(foldName(name), [name, template]);
  }
  return new Map(set.values());
}

/** Every name that any route sets or removes, folded: on all routes a client's own copy is not believed. */
export function ownedNames(
  sets: Iterable<HeaderSet>,
  assertions: readonly { header: string }[],
): ReadonlySet<string> {
  const names = new Set(assertions.map(({ header }) => foldName(header)));
  for (const set of sets) for (const name of set.keys()) names.add(foldName(name));
  return names;
}
