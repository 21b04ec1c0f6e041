import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync, visitorKeys } from 'oxc-parser';

/** What the checks of src have in common: its files as trees, and how a finding is told. */

/** Each file of the folder that was named on the command line, or of src. */
export function readSource() {
  const folder = resolve(process.argv[2] ?? fileURLToPath(new URL('../src', import.meta.url)));
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.split(sep).join('/'))
    .sort()
    .map((file) => readFile(folder, file));
}

function readFile(folder, file) {
  const text = readFileSync(join(folder, file), 'utf8');
  const { program, comments, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`src/${file} cannot be read: ${errors[0].message}`);
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  /** The number of the line, from 1, that a place of the text is in. */
  const lineOf = (place) => {
    let [low, high] = [0, lineStarts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (lineStarts[middle] <= place) low = middle;
      else high = middle;
    }
    return low + 1;
  };
  return { file, program, comments, lineOf };
}

/** Calls back for a node and all below it, with those above it, the nearest last. */
export function walk(node, visit, above = []) {
  visit(node, above);
  const path = [...above, node];
  for (const key of visitorKeys[node.type] ?? []) {
    for (const child of [node[key]].flat()) if (child) walk(child, visit, path);
  }
}

/**
 * The relative imports and re-exports of a file, each with its line, the file that it names (a path that begins with
 * `../` is outside of src), and its kind: `type`, `value` or `dynamic`.
 */
export function importsOf(source) {
  return everyImportOf(source).flatMap((found) => {
    if (!found.target.startsWith('.')) return [];
    return [{ ...found, imported: posix.normalize(posix.join(posix.dirname(source.file), found.target)) }];
  });
}

/** The same of what is not relative: modules of Node.js, without their `node:`, and packages. */
export function modulesOf(source) {
  return everyImportOf(source).flatMap((found) => {
    if (found.target.startsWith('.')) return [];
    return [{ ...found, imported: found.target.replace(/^node:/, '') }];
  });
}

function everyImportOf({ program, lineOf }) {
  const found = [];
  const add = (node, source, kind) => {
    const target = source?.value;
    if (typeof target === 'string') found.push({ target, kind, line: lineOf(node.start) });
  };
  walk(program, (node) => {
    switch (node.type) {
      case 'ImportDeclaration':
        return add(node, node.source, node.importKind === 'type' ? 'type' : 'value');
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration':
        return add(node, node.source, node.exportKind === 'type' ? 'type' : 'value');
      case 'ImportExpression':
        return add(node, node.source, 'dynamic');
      case 'TSImportType':
        return add(node, node.source ?? node.argument, 'type');
    }
  });
  return found;
}

/** Prints what was found, a line each, and has the process fail where there is any. */
export function report(findings) {
  for (const line of findings) console.error(line);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
