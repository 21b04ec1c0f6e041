import { readSource, report, walk } from './read-source.mjs';

/**
 * Holds that no function of src is longer than this, from its first line to its last, the functions in it included.
 *
 *     node scripts/check-functions.mjs [folder]
 */
const mostLines = 60;

report(
  readSource()
    .flatMap(({ file, program, lineOf }) => {
      const found = [];
      walk(program, (node, above) => {
        if (!isFunction(node)) return;
        const line = lineOf(node.start);
        const lines = lineOf(node.end) - line + 1;
        if (lines > mostLines) found.push({ file, line, lines, name: nameOf(node, above.at(-1)) });
      });
      return found;
    })
    .sort((one, other) => other.lines - one.lines)
    .map(
      ({ file, line, lines, name }) =>
        `src/${file}:${line} ${name} has ${lines} lines: a function has up to ${mostLines}.`,
    ),
);

function isFunction({ type, body }) {
  return (
    Boolean(body) &&
    (type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression')
  );
}

function nameOf(node, parent) {
  const name = node.id ?? parent?.key ?? parent?.id;
  return name?.name ?? 'a function without a name';
}
