import type { PassingRule } from '../../access/passing.ts';
import { chainOf } from '../../routes/host-rules.ts';
import type { Route } from '../../routes/table.ts';
import type { Plan } from '../plan.ts';
import { createComparer } from './compare.ts';
import { type KeyDifference, keysThatDiffer } from './keys.ts';
import { type People, peopleOf } from './people.ts';
import { hostsOf, kindOf, type Region, regionsOf, type Taker } from './regions.ts';

/** Whether more pass than before, fewer, or some in place of others. */
export type AccessChange = 'widened' | 'narrowed' | 'changed' | 'same';

/** Which requests a route is for. */
export interface Place {
  /** None for every host. */
  host?: string;
  /** With all that is below it. */
  path: string;
  /** None for every method. */
  methods?: string[];
}

/** What decides on some requests, before and after, and who passes in consequence. */
export interface Shift {
  /** Where, if that is not all of the route's own place. */
  at?: Place[];
  /** What decides: a route by its name, or the reason that nothing does. */
  before: string;
  after: string;
  /** Who may pass now, and could not before. */
  gained: People[];
  /** Who may not pass any more. */
  lost: People[];
  /** It could not be decided in time: others may pass too, now or before. */
  isUndecided?: true;
}

export interface RouteDifference extends Place {
  change: 'added' | 'removed' | 'changed';
  access: AccessChange;
  shifts: Shift[];
  /** What else the route has differently. */
  keys: KeyDifference[];
}

/** What makes up a route's place; another one is another route. */
const placeKeys = ['host', 'path', 'methods'] as const;
/** What is made of them. */
const madeKeys = ['access', 'index', 'label', 'resourceMetadata'];

/** The routes that two plans have differently, and those who pass by them. */
export function routeDifferences(before: Plan, after: Plan, steps?: number): RouteDifference[] {
  const [old, now] = [before, after].map(byPlace) as [Map<string, Route>, Map<string, Route>];
  const comparer = createComparer(before, after, steps);
  const touched = touchedRoutes(old, now);
  const found = new Map<string, Region[]>();
  const kept = comparer.isAlike ? [] : keptRegions(old, now, new Set(touched.map(keyOf)));
  for (const region of [...regionsOf(before, after, touched).filter(isMoved), ...kept]) {
    const owner = ownerOf(region, old, now);
    if (owner === undefined) continue;
    const key = keyOf(owner);
    const known = found.get(key);
    if (known) known.push(region);
    else found.set(key, [region]);
  }
  const hostsFor = hostsFinder(before, after);
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key): RouteDifference[] => {
    const [from, to] = [old.get(key), now.get(key)];
    const route = (to ?? from) as Route;
    const shifts = shiftsOf(route, found.get(key) ?? [], { ...comparer, hosts: hostsFor(route) });
    const keys =
      from && to
        ? [
            ...keysThatDiffer(toldOf(before, from), toldOf(after, to), [...placeKeys, ...madeKeys]),
            ...filesThatDiffer(before, from, after, to),
          ]
        : [];
    const change = from && to ? 'changed' : to ? 'added' : 'removed';
    if (change === 'changed' && shifts.length === 0 && keys.length === 0) return [];
    return [{ ...placeOf(route), change, access: accessOf(shifts), shifts, keys }];
  });
}

const byPlace = ({ reader }: Plan): Map<string, Route> =>
  new Map(reader.table.routes.map((route) => [keyOf(route), route]));

const keyOf = ({ host, path, methods }: Route): string =>
  JSON.stringify([host ?? null, path, methods ? [...methods].sort() : null]);

const placeOf = ({ host, path, methods }: Route): Place => ({
  ...(host !== undefined && { host }),
  path,
  ...(methods && { methods: [...methods] }),
});

const toldOf = ({ config }: Plan, route: Route) => ({
  real: { ...route },
  shown: ((config.shown.routes ?? []) as Record<string, unknown>[])[route.index] ?? {},
});

/** What files of a route hold, where nothing else of its connections is another one. */
function filesThatDiffer(before: Plan, from: Route, after: Plan, to: Route): KeyDifference[] {
  const told = ({ upstream, tls, http2, timeout }: Route) =>
    JSON.stringify([upstream.targets, tls, http2, timeout]);
  const keysOf = ({ routes }: Plan, { index }: Route) => routes[index]?.targets.map(({ key }) => key).join();
  if (told(from) !== told(to) || keysOf(before, from) === keysOf(after, to)) return [];
  return [{ key: 'tls', isHidden: true }];
}

/** Whether something else takes the requests of a region, or the same by another rule. */
function isMoved({ before, after }: Region): boolean {
  if (typeof before === 'string' || typeof after === 'string') return before !== after;
  return keyOf(before) !== keyOf(after) || ruleKey(before) !== ruleKey(after);
}

/** What stays with a route and its rule, where the people are other people. */
function keptRegions(
  old: ReadonlyMap<string, Route>,
  now: ReadonlyMap<string, Route>,
  touched: ReadonlySet<string>,
): Region[] {
  return [...old].flatMap(([key, before]): Region[] => {
    const after = now.get(key);
    if (!after || touched.has(key)) return [];
    const kinds = new Set((before.methods ?? ['GET', 'OPTIONS', 'POST']).map(kindOf));
    const { host, path } = before;
    return [...kinds].map((kind) => ({ host, path, method: kind, kind, before, after, isWhole: true }));
  });
}

/** The hosts on which a route may decide. */
function hostsFinder(before: Plan, after: Plan): (route: Route) => ReadonlySet<string> {
  const chains = hostsOf(before, after).map((host) => [host, chainOf(host)] as const);
  const known = new Map<string, ReadonlySet<string>>();
  return ({ host = '' }) => {
    const hosts =
      known.get(host) ?? new Set(chains.flatMap(([name, chain]) => (chain.includes(host) ? [name] : [])));
    known.set(host, hosts);
    return hosts;
  };
}

/** The routes that one plan has and the other has not, by their place and by who passes. */
function touchedRoutes(old: ReadonlyMap<string, Route>, now: ReadonlyMap<string, Route>): Route[] {
  const ruleOf = (route: Route | undefined) => route && ruleKey(route);
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) => {
    const [from, to] = [old.get(key), now.get(key)];
    return ruleOf(from) === ruleOf(to) ? [] : [(to ?? from) as Route];
  });
}

const ruleKey = ({ access, cors, resource }: Route & PassingRule): string =>
  JSON.stringify([access.key, cors, resource?.identifier]);

/** The route that a shift is told with: the one that has come or gone, else the one that decides now, or did. */
function ownerOf(
  { before, after }: Region,
  old: ReadonlyMap<string, Route>,
  now: ReadonlyMap<string, Route>,
): Route | undefined {
  const [from, to] = [before, after].map((taker) => (typeof taker === 'string' ? undefined : taker));
  if (to && !old.has(keyOf(to))) return to;
  if (from && !now.has(keyOf(from))) return from;
  return to ?? from;
}

type Comparer = ReturnType<typeof createComparer> & { hosts: ReadonlySet<string> };

/** The shifts of a route's regions in which the same people are meant, each once. */
function shiftsOf(route: Route, regions: readonly Region[], { compare, senders, hosts }: Comparer): Shift[] {
  const found = new Map<string, { shift: Shift; regions: Region[] }>();
  for (const region of regions) {
    const { gained, lost, isSure } = compare(region);
    if (gained.length === 0 && lost.length === 0 && isSure) continue;
    const shift: Shift = {
      before: nameOf(region.before),
      after: nameOf(region.after),
      gained: peopleOf(gained, senders),
      lost: peopleOf(lost, senders),
      ...(!isSure && { isUndecided: true as const }),
    };
    const key = JSON.stringify(shift);
    const known = found.get(key);
    if (known) known.regions.push(region);
    else found.set(key, { shift, regions: [region] });
  }
  const all: AllOf = {
    methods: new Set(regions.map(({ method }) => method ?? '')),
    // Whom no route and no origin names, nobody answers.
    hosts: hosts.size > 1 ? new Set([...hosts].filter((host) => host !== '')) : hosts,
  };
  return [...found.values()].map(({ shift, regions: some }) => {
    const at = placesOf(some, all);
    const [only, ...more] = at;
    const isWhole = more.length === 0 && only?.path === route.path && !only.methods && !only.host;
    return isWhole ? shift : { at, ...shift };
  });
}

/** Where a route decides, or did. */
interface AllOf {
  methods: ReadonlySet<string>;
  hosts: ReadonlySet<string>;
}

/** Methods that are all there are, are not named; nor are hosts, where it is the same on all of them. */
function placesOf(regions: readonly Region[], all: AllOf): Place[] {
  const byPath = new Map<string, Map<string, Set<string>>>();
  const isWhole = regions.some((region) => region.isWhole);
  for (const { host = '', path, method = '' } of regions) {
    const hosts = byPath.get(path) ?? new Map<string, Set<string>>();
    byPath.set(path, hosts.set(host, (hosts.get(host) ?? new Set()).add(method)));
  }
  return [...byPath].flatMap(([path, hosts]): Place[] => {
    const sets = new Set([...hosts.values()].map((methods) => [...methods].sort().join()));
    const isEverywhere = sets.size === 1 && (isWhole || [...all.hosts].every((host) => hosts.has(host)));
    return [...hosts].slice(0, isEverywhere ? 1 : undefined).map(([host, methods]): Place => {
      const named = [...methods].map((method) => method || 'others');
      return {
        ...(host !== '' && !isEverywhere && { host }),
        path,
        ...(methods.size < all.methods.size && { methods: named }),
      };
    });
  });
}

function nameOf(taker: Taker): string {
  if (typeof taker === 'string') return taker;
  return taker.label + (taker.methods ? ` ${taker.methods.join(',')}` : '');
}

function accessOf(shifts: readonly Shift[]): AccessChange {
  const isGained = shifts.some(({ gained }) => gained.length > 0);
  const isLost = shifts.some(({ lost }) => lost.length > 0);
  if ((isGained && isLost) || shifts.some(({ isUndecided }) => isUndecided)) return 'changed';
  return isGained ? 'widened' : isLost ? 'narrowed' : 'same';
}
