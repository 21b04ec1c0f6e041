import type { Chance } from './random.ts';
import type { TableRoute } from './tables.ts';
import { climbs, junk, lettersLike, slashes } from './tokens.ts';
import { names } from './tree.ts';

/** How odd a path is: the share of its parts that are spelt in another way. */
interface Oddness {
  slash: number;
  name: number;
  junk: number;
}

const oddnesses: readonly Oddness[] = [
  { slash: 0.15, name: 0.1, junk: 0.05 },
  { slash: 0.5, name: 0.1, junk: 0.1 },
  { slash: 0.1, name: 0.5, junk: 0.1 },
  { slash: 0.1, name: 0.05, junk: 0.4 },
  { slash: 0.3, name: 0.3, junk: 0.3 },
  { slash: 0, name: 0, junk: 0.15 },
  { slash: 0.1, name: 0, junk: 0 },
];

/**
 * A path composed of names, dots and odd tokens. Half of them aim: they begin below one route and mean to
 * come to another.
 */
export function composePath(chance: Chance, table: readonly TableRoute[]): string {
  const odd = chance.of(oddnesses);
  const parts = chance.is(0.55) ? aimed(chance, table) : soup(chance);
  let path = chance.is(odd.slash * 0.4) ? chance.of(slashes) : '/';
  for (const [index, part] of parts.entries()) {
    if (index > 0) path += chance.is(odd.slash) ? chance.of(slashes) : '/';
    path += spell(chance, part, odd);
  }
  path += chance.is(odd.slash * 0.5) ? chance.of(slashes) : chance.of(['', '/', '/f', '/f']);
  if (chance.is(0.04)) path = nest(chance, path);
  return path.startsWith('/') ? path : `/${path}`;
}

const climb = '..';

/** From below one route up and down to another, in as many steps as that takes, or one more or less. */
function aimed(chance: Chance, table: readonly TableRoute[]): string[] {
  const from = segmentsOf(chance.of(table).path);
  const to = segmentsOf(chance.of(table).path);
  if (chance.is(0.25)) return to;
  const detours = Array.from({ length: chance.below(3) }, () => (chance.is(0.7) ? 'x' : chance.of(names)));
  const start = [...from, ...detours];
  const common = chance.is(0.3) ? from.filter((name, index) => to[index] === name).length : 0;
  const ups = Math.max(0, start.length - common + chance.of([0, 0, 0, 0, 1, -1, -2]));
  return [...start, ...Array.from({ length: ups }, () => climb), ...to.slice(common)];
}

const segmentsOf = (path: string) => path.split('/').filter((segment) => segment !== '');

const soup = (chance: Chance): string[] =>
  Array.from({ length: 1 + chance.below(5) }, () => {
    if (chance.is(0.25)) return climb;
    return chance.is(0.8) ? chance.of(names) : chance.of(['x', 'f', 'oauth2', '.', '', 'x.y', 'index.html']);
  });

function spell(chance: Chance, part: string, odd: Oddness): string {
  if (part === climb) return chance.is(Math.max(odd.name, odd.junk, odd.slash)) ? chance.of(climbs) : climb;
  let spelt = part;
  if (spelt !== '' && chance.is(odd.name)) {
    const at = chance.below(spelt.length);
    spelt = spelt.slice(0, at) + chance.of(lettersLike(spelt.charAt(at))) + spelt.slice(at + 1);
  }
  if (!chance.is(odd.junk)) return spelt;
  // At an end more often than within: there most readers trim.
  const at = chance.of([0, spelt.length, spelt.length, chance.below(spelt.length + 1)]);
  const free = /%[0-9a-f]*$/i.test(spelt.slice(0, at)) ? spelt.length : at;
  return spelt.slice(0, free) + chance.of(junk) + spelt.slice(free);
}

/** Escapes some of the path once more, percent signs among it. */
function nest(chance: Chance, path: string): string {
  return path.replace(/[%./;a-z]/g, (character) =>
    chance.is(0.2) ? `%${character.charCodeAt(0).toString(16).padStart(2, '0')}` : character,
  );
}
