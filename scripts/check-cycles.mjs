import { importsOf, readSource, report } from './read-source.mjs';

/**
 * Holds that no file of src imports itself by way of others, type imports included. It prints whole cycles, the
 * shortest first, and none that shares an import with one before it: each is gone by a change of its own.
 *
 *     node scripts/check-cycles.mjs [folder]
 */

const imports = new Map(
  readSource().map((source) => [source.file, new Set(importsOf(source).map(({ imported }) => imported))]),
);

const cycles = new Map();
for (const [from, targets] of imports) {
  for (const to of targets) {
    const way = shortestWay(to, from);
    if (way) cycles.set(nameOf(way), way);
  }
}

const told = new Set();
const findings = [];
for (const way of [...cycles.values()].sort(byLength)) {
  const steps = way.map((file, at) => `${file} ${way[(at + 1) % way.length]}`);
  if (steps.some((step) => told.has(step))) continue;
  for (const step of steps) told.add(step);
  findings.push(`a cycle of ${way.length}: ${[...way, way[0]].map((file) => `src/${file}`).join(' -> ')}`);
}
report(findings);

/** The files on the shortest way along imports, both ends included; undefined where there is none. */
function shortestWay(start, end) {
  const cameFrom = new Map([[start, undefined]]);
  for (const file of cameFrom.keys()) {
    if (file === end) {
      const way = [];
      for (let at = end; at !== undefined; at = cameFrom.get(at)) way.unshift(at);
      return fromFirst(way);
    }
    for (const next of imports.get(file) ?? []) if (!cameFrom.has(next)) cameFrom.set(next, file);
  }
  return undefined;
}

/** The same cycle, begun at the file whose name comes first. */
function fromFirst(way) {
  const at = way.indexOf([...way].sort()[0]);
  return [...way.slice(at), ...way.slice(0, at)];
}

function nameOf(way) {
  return way.join(' ');
}

function byLength(one, other) {
  return one.length - other.length || (nameOf(one) < nameOf(other) ? -1 : 1);
}
