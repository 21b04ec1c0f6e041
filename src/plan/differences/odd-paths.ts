import { accessOf } from '../../routes/access.ts';
import { chainOf } from '../../routes/host-rules.ts';
import type { Plan } from '../plan.ts';

/**
 * The hosts on which other paths than before can be read in two ways; empty for all that nothing is said of. Which they
 * are follows from where routes are, and which of them have one access, not from what that access is.
 */
export function hostsWithOtherOddPaths(before: Plan, after: Plan): string[] {
  const [old, now] = [before, after].map(placesOf) as [Place[], Place[]];
  const isAlike = aroundOf(before) === aroundOf(after) && patternOf(old) === patternOf(now);
  if (isAlike) return [];
  const layers = [old, now].map(groupByHost) as [Layers, Layers];
  const hosts = new Set([before, after].flatMap(({ reader }) => reader.table.hosts));
  return [...hosts].filter(
    (host) => patternOn(host, before, layers[0]) !== patternOn(host, after, layers[1]),
  );
}

interface Place {
  host: string;
  /** Path, methods, and how paths are moved. */
  text: string;
  access: string;
}

type Layers = ReadonlyMap<string, readonly Place[]>;

const aroundOf = ({ config: { paths, endpoints }, resources }: Plan): string =>
  JSON.stringify([paths, endpoints, [...resources.keys()].sort()]);

const placesOf = ({ reader }: Plan): Place[] =>
  reader.table.routes
    .map((route): Place => {
      const { host = '', path, methods, stripPrefix, rewrite } = route;
      const text = JSON.stringify([host, path, methods && [...methods].sort(), stripPrefix, rewrite]);
      return { host, text, access: accessOf(route) };
    })
    .sort((one, other) => (one.text < other.text ? -1 : 1));

/** The places, with one number for those of one access. */
function patternOf(places: readonly Place[]): string {
  const numbers = new Map<string, number>();
  return places
    .map(({ text, access }) => {
      const number = numbers.get(access) ?? numbers.size;
      numbers.set(access, number);
      return `${number} ${text}`;
    })
    .join('\n');
}

function groupByHost(places: readonly Place[]): Layers {
  const found = new Map<string, Place[]>();
  for (const place of places) {
    const known = found.get(place.host);
    if (known) known.push(place);
    else found.set(place.host, [place]);
  }
  return found;
}

function patternOn(host: string, plan: Plan, layers: Layers): string {
  const places = chainOf(host).flatMap((name) => layers.get(name) ?? []);
  const { settings } = plan.reader.table.rulesOf(host.replace('*', 'any'));
  const own = [plan.reader.prefix, [...plan.resources.keys()].sort()];
  return JSON.stringify([settings, own]) + patternOf(places);
}
