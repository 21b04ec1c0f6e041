import { withAccess } from '../../src/access/decide.ts';
import { parseConfig } from '../../src/config/load.ts';
import { GatewayError } from '../../src/errors.ts';
import { accessOf, noRoute, ownEndpoint } from '../../src/routes/access.ts';
import { resolveTarget } from '../../src/routes/resolve.ts';
import { compileRoutes, type Route, type RouteTable } from '../../src/routes/table.ts';
import { shiftOf, upstreamPath } from '../../src/routes/upstream-path.ts';

/** A sequence of numbers from 0 to 1 that begins anew with the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const secret = Buffer.alloc(32, 1).toString('base64');
const allows = ['public', 'signed-in', [{ groups: ['admins'] }]] as const;
const names = ['ad', 'pub', 'a', 'b', 'Ad', 'a.b', 'x-y'];

const pick = <T>(random: () => number, items: readonly T[]): T =>
  items[Math.floor(random() * items.length)] as T;

/** A table of a few routes, nested and of like names, some of which move paths. */
export function randomTable(random: () => number, settings: object = {}): RouteTable {
  for (;;) {
    const paths = new Set<string>(random() < 0.7 ? ['/'] : []);
    const count = 2 + Math.floor(random() * 5);
    while (paths.size < count) {
      const depth = 1 + Math.floor(random() * 3);
      paths.add(`/${Array.from({ length: depth }, () => pick(random, names)).join('/')}`);
    }
    const routes = [...paths].map((path) => {
      const moved = random();
      return {
        path,
        upstream: 'http://app:1',
        allow: pick(random, allows),
        ...(moved < 0.15 && path !== '/' && { stripPrefix: true }),
        ...(moved > 0.85 && { rewrite: `/${pick(random, names)}` }),
      };
    });
    const document = {
      publicUrl: 'https://app.example.com',
      provider: { issuer: 'https://id.example.com', clientId: 'a', clientSecret: 'b' },
      session: { secret },
      paths: settings,
      routes,
    };
    try {
      return compileRoutes(
        withAccess(parseConfig(JSON.stringify(document), { file: 'c.yaml', env: {} }).config),
      );
    } catch (error) {
      // Names that differ by case alone, with different rules.
      if (!/by the case of|paths.ignoreCase/.test(String(error))) throw error;
    }
  }
}

const tokens = [
  String.raw`/ / / / // \ ; ;x ;x=y . .. ... + A AD zz z host :80 @`,
  '%2f %2F %252f %5c %255c %3b %2e %252e %25 %00 %0a %09 %20 %2b %23 %3f %7f %61 %41 %u002f %u005c %u002e',
  '%c0%af %c1%9c %c0%ae %c0 %c1 %c0/ %e0@o %e0@n %e0A %e0%09@%6f %f0@@o %e0%80%af %f0%80%80%af %a5 %ff \xc0\xaf \xff',
  '%e2%88%95 %ef%bc%8f %ef%bc%8e %c2%a5 %e2%82%a9 %e2%80%8b %e3%80%80 %c2%a0 %ef%bd%81 %c5%bf %c2%85',
].flatMap((line) => line.split(' '));

/** A path of names that routes have, between tokens that somebody reads in another way. */
export function randomPath(random: () => number, table: RouteTable): string {
  const routes = table.routes.map(({ path }) => path);
  let path = '/';
  const length = 1 + Math.floor(random() * 6);
  for (let at = 0; at < length; at++) {
    const chance = random();
    if (chance < 0.35) path += `${pick(random, names)}${random() < 0.6 ? '/' : ''}`;
    else if (chance < 0.5) path += pick(random, routes);
    else path += pick(random, tokens);
    if (random() < 0.08) {
      const cut = Math.floor(random() * path.length);
      const letter = path.charCodeAt(cut);
      if (cut > 0 && letter < 0x80)
        path = `${path.slice(0, cut)}%${letter.toString(16).padStart(2, '0')}${path.slice(cut + 1)}`;
    }
  }
  return path;
}

/** What becomes of a path: it is refused, or goes upstream along a route. */
export type Transfer =
  | { kind: 'refused' }
  | { kind: 'passed'; access: string; route: Route; upstream: string };

/** What becomes of a path at the gateway. */
export function pass(table: RouteTable, path: string): Transfer {
  try {
    const target = { path, query: '', host: 'app.example.com', hostname: 'app.example.com' };
    const resolution = resolveTarget(table, '/oauth2', target, 'GET');
    if (resolution.kind === 'endpoint') return { kind: 'refused' };
    const { route } = resolution;
    return { kind: 'passed', access: accessOf(route), route, upstream: upstreamPath(route, path) };
  } catch (error) {
    if (error instanceof GatewayError) return { kind: 'refused' };
    throw error;
  }
}

/** The access of a place of the upstream, as the gateway decides about its plain public path. */
export function accessOfPlace(table: RouteTable, route: Route, place: string, ignoreCase: boolean): string {
  const cased = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const { from, to } = shiftOf(route) ?? { from: '', to: '' };
  const spelt = cased(place);
  if (spelt !== cased(to) && !spelt.startsWith(`${cased(to)}/`)) return noRoute;
  const path = cased(from) + spelt.slice(to.length);
  const covering = [
    ...table.routes.map((each) => ({ base: cased(each.path), access: accessOf(each) })),
    { base: '/oauth2', access: ownEndpoint },
  ].filter(({ base }) => base === '/' || path === base || path.startsWith(`${base}/`));
  covering.sort((a, b) => b.base.length - a.base.length);
  return covering[0]?.access ?? noRoute;
}
