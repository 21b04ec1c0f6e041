import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Holds the order of the folders in src: a file imports from its own folder, from folders below it in the
 * list, from the leaves, and types of the configuration. It prints each import that breaks this.
 *
 *     node scripts/check-imports.mjs [folder]
 */

/** The story of a request, from the command line down. */
const order = [
  'main',
  'commands',
  'gateway',
  'request',
  'config',
  'listen',
  'routes',
  'identity',
  'session',
  'access',
  'forward',
  'pages',
  'observe',
  'demo',
];

/** Files that everybody may import, and that import nothing of the project themselves. */
const leaves = ['clock', 'errors', 'holdings', 'random', 'version'];

const source = resolve(process.argv[2] ?? fileURLToPath(new URL('../src', import.meta.url)));
const broken = sourceFiles(source).flatMap((file) =>
  importsOf(readFileSync(join(source, file), 'utf8')).flatMap((found) => {
    const reason = whyForbidden(file, found);
    return reason ? [`src/${file}:${found.line} imports ${found.target}: ${reason}`] : [];
  }),
);
for (const line of broken) console.error(line);
process.exitCode = broken.length > 0 ? 1 : 0;

function sourceFiles(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.split(sep).join('/'))
    .sort();
}

/** The relative imports of a file; `kind` is type, value or dynamic. */
function importsOf(text) {
  const statement = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'(\.[^']*)'/gm;
  const dynamic = /\bimport\(\s*'(\.[^']*)'\s*\)/g;
  const lineOf = (match) => text.slice(0, match.index).split('\n').length;
  return [
    ...[...text.matchAll(statement)].map((match) => ({
      target: match[2],
      kind: match[1] ? 'type' : 'value',
      line: lineOf(match),
    })),
    ...[...text.matchAll(dynamic)].map((match) => ({
      target: match[1],
      kind: 'dynamic',
      line: lineOf(match),
    })),
  ];
}

/** `src/routes/table.ts` belongs to `routes`, `src/main.ts` to `main`. */
function partOf(file) {
  return file.split('/')[0].replace(/\.ts$/, '');
}

/** Why a file must not have this import, as a sentence; undefined when it may. */
function whyForbidden(file, { target, kind }) {
  const imported = relative(source, resolve(source, file, '..', target))
    .split(sep)
    .join('/');
  const from = partOf(file);
  const to = partOf(imported);
  if (imported.startsWith('../')) return 'src imports nothing outside of src.';
  if (from === to) return undefined;
  if (leaves.includes(from)) return `${from}.ts is a leaf and imports nothing of the project.`;
  for (const part of [from, to]) {
    if (!order.includes(part) && !leaves.includes(part))
      return `${part} has no place in the order of folders.`;
  }
  if (from === 'access') return kind === 'type' ? undefined : 'access imports nothing but types.';
  if (leaves.includes(to)) return undefined;
  if (to === 'config' && kind === 'type') return undefined;
  if (to === 'commands' && from !== 'main') return 'only main imports commands.';
  if (to === 'demo' && (file !== 'commands/demo.ts' || kind !== 'dynamic')) {
    return 'only commands/demo.ts imports demo, and that dynamically.';
  }
  return order.indexOf(to) > order.indexOf(from)
    ? undefined
    : `imports point down (${order.join(', ')}), and ${to} is above ${from}.`;
}
