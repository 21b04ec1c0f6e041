import { composePath } from './compose.ts';
import { type Decide, gatewayOf, gatewaysOf } from './decision.ts';
import { type Access, accessOf, accessOfPlace, plainRoute } from './oracle.ts';
import { chanceOf } from './random.ts';
import { type Program, type Readings, readTargets } from './reader.ts';
import { randomTable, type TableRoute } from './tables.ts';

/** A request that the gateway lets pass under one access, while a reader serves a place of another. */
export interface Hole {
  table: readonly TableRoute[];
  method: string;
  path: string;
  upstreamPath: string;
  reading: string;
  place: string;
  /** What the gateway let it pass under. */
  given: Access;
  /** What the rule asks for at the place. */
  asked: Access;
}

/** A composed path with what the gateway decides. */
export interface Composition {
  table: readonly TableRoute[];
  method: string;
  path: string;
  along: TableRoute | undefined;
  upstreamPath: string;
}

export interface Composed {
  total: number;
  refused: number;
  tables: number;
  /** Those that the gateway lets pass, or answers itself. */
  passing: Composition[];
}

const pathsPerTable = 40;

/** Composes so many paths over random tables, and asks the gateway about each. */
export function compose(seed: number, total: number, paths?: Record<string, unknown>): Composed {
  const chance = chanceOf(seed);
  const composed: Composed = { total, refused: 0, tables: Math.ceil(total / pathsPerTable), passing: [] };
  const tables = Array.from({ length: composed.tables }, () => randomTable(chance));
  const gateways = gatewaysOf(tables, paths);
  for (let count = 0; count < total; count++) {
    const table = tables[Math.floor(count / pathsPerTable)] ?? [];
    const decide = gateways[Math.floor(count / pathsPerTable)];
    if (!decide) continue;
    const method = chance.is(0.8) ? 'GET' : chance.of(['POST', 'HEAD']);
    const path = composePath(chance, table);
    const decision = decide(path, method);
    if (decision.kind === 'refused') composed.refused++;
    else composed.passing.push({ table, method, path, ...passed(decision, path) });
  }
  return composed;
}

function passed(decision: Exclude<ReturnType<Decide>, { kind: 'refused' }>, path: string) {
  if (decision.kind === 'endpoint') return { along: undefined, upstreamPath: path };
  return { along: decision.along, upstreamPath: decision.upstreamPath };
}

/** Every hole that a program shows. */
export async function findHoles(program: Program, passing: readonly Composition[]): Promise<Hole[]> {
  const targets = [...new Set(passing.map((composition) => composition.upstreamPath))];
  const readings = await readTargets(program, targets);
  const byTarget = new Map(targets.map((target, index) => [target, readings[index]]));
  return passing.flatMap((composition) => holesOf(composition, byTarget.get(composition.upstreamPath)));
}

/** How many readings there were, by their name: a reader that never serves anything proves nothing. */
export async function countServed(
  program: Program,
  targets: readonly string[],
): Promise<Map<string, number>> {
  const served = new Map<string, number>();
  for (const readings of await readTargets(program, targets))
    for (const name of readings.keys()) served.set(name, (served.get(name) ?? 0) + 1);
  return served;
}

const isEndpoint = (place: string) => place === '/oauth2' || place.startsWith('/oauth2/');

function holesOf(composition: Composition, readings: Readings | undefined): Hole[] {
  const { table, method, path, along, upstreamPath } = composition;
  const given = along ? accessOf(along) : 'endpoint';
  return [...(readings ?? [])].flatMap(([reading, place]) => {
    if (!place.startsWith('/')) return [];
    const asked = askedAt(composition, place);
    return asked === given ? [] : [{ table, method, path, upstreamPath, reading, place, given, asked }];
  });
}

function askedAt({ table, method, along }: Composition, place: string): Access {
  if (!along) return isEndpoint(place) ? 'endpoint' : accessOf(plainRoute(table, place, method));
  const mapped = along.stripPrefix || along.rewrite !== undefined;
  if (!mapped && isEndpoint(place)) return 'endpoint';
  return accessOfPlace(table, along, place, method);
}

/** The holes of one path: for shrinking. */
export async function holesOfPath(
  program: Program,
  { table, method }: Pick<Hole, 'table' | 'method'>,
  path: string,
): Promise<Hole[]> {
  const decision = gatewayOfTable(table)(path, method);
  if (decision.kind === 'refused') return [];
  return findHoles(program, [{ table, method, path, ...passed(decision, path) }]);
}

/** The last table's, since shrinking asks about one table many times. */
let remembered: { table: Hole['table']; decide: Decide } | undefined;

function gatewayOfTable(table: Hole['table']): Decide {
  if (remembered?.table !== table) remembered = { table, decide: gatewayOf(table) };
  return remembered.decide;
}
