import { readSource, report, walk } from './read-source.mjs';

/**
 * Holds that no module of src keeps state: what changes belongs to something that is opened. It prints each variable
 * at module level that is assigned anew, and each thing there that the file changes or that has a state of its own.
 *
 * Where the hot path needs arrays that are used again, a comment at the end of the line, or on a line of its own above,
 * says why and how that was measured: `// scratch: <why, and how much it saves>`.
 *
 *     node scripts/check-state.mjs [folder]
 */

/** Methods that change what they are called on: of maps, sets, arrays and typed arrays. */
const changing = new Set(
  'set add delete clear push pop shift unshift splice sort reverse fill copyWithin exec test'.split(' '),
);
/** Of these, what is changed is the place in the text, and only where the expression keeps it. */
const ofExpressions = new Set(['exec', 'test']);

/** Made of these, a thing stays as it is unless the file changes it. */
const still = new Set(
  (
    'Map Set WeakMap WeakSet RegExp URL Date Array Error TextEncoder TextDecoder Proxy ' +
    'Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array Float32Array Float64Array'
  ).split(' '),
);

report(readSource().flatMap(findings));

function findings(source) {
  const { file, program, lineOf } = source;
  const excused = excusedLines(source);
  const variables = program.body.flatMap((statement) => variablesOf(statement));
  const changes = changesIn(program, new Set(variables.map(({ name }) => name)));
  const found = [
    ...variables.map((variable) => ({ ...variable, reason: reasonFor(variable, changes) })),
    ...staticMembers(program),
  ];
  return found
    .filter(({ reason, start }) => reason && !excused.has(lineOf(start)))
    .map(
      ({ name, reason, start }) =>
        `src/${file}:${lineOf(start)} ${name} ${reason}: what changes belongs to something that is opened.`,
    );
}

/** The lines that a comment excuses: its own, or where it stands alone the one below it and what goes on of it. */
function excusedLines({ comments, program, lineOf }) {
  const isAlone = ({ start }) =>
    !program.body.some((node) => node.start < start && lineOf(node.end) >= lineOf(start));
  const endOf = new Map(comments.filter(isAlone).map((each) => [lineOf(each.start), lineOf(each.end)]));
  const lines = new Set();
  for (const comment of comments) {
    if (!/^\s*scratch:\s\S.{20,}/s.test(comment.value)) continue;
    let line = lineOf(comment.start);
    while (endOf.has(line)) line = endOf.get(line) + 1;
    lines.add(line);
  }
  return lines;
}

function variablesOf(statement) {
  const isExported = statement.type === 'ExportNamedDeclaration';
  const declaration = isExported ? statement.declaration : statement;
  if (declaration?.type !== 'VariableDeclaration' || declaration.declare) return [];
  return declaration.declarations.flatMap(({ id, init }) =>
    id.type === 'Identifier'
      ? [{ name: id.name, init, id, kind: declaration.kind, isExported, start: declaration.start }]
      : [],
  );
}

function reasonFor({ name, init, id, kind, isExported }, changes) {
  if (kind !== 'const') return `is a ${kind} at module level`;
  const value = plainValue(init);
  const change = changes.get(name)?.find((each) => !ofExpressions.has(each) || keepsPlace(value));
  if (change) return `is at module level, and changed (${change})`;
  if (value?.type !== 'NewExpression') return undefined;
  const made = value.callee.type === 'Identifier' ? value.callee.name : undefined;
  if (made !== undefined && !still.has(made)) return `is a ${made} at module level`;
  if (made?.startsWith('Weak')) return `is a ${made} at module level`;
  const isOpen = (made === 'Map' || made === 'Set') && isExported && !isReadonly(id);
  return isOpen ? `is a ${made} that is exported and not read-only` : undefined;
}

/** Without `as const`, `satisfies` and `!`. */
function plainValue(node) {
  return node?.expression && node.type.startsWith('TS') ? plainValue(node.expression) : node;
}

function keepsPlace(value) {
  return value?.type === 'Literal' && /[gy]/.test(value.regex?.flags ?? '');
}

function isReadonly({ typeAnnotation }) {
  const type = typeAnnotation?.typeAnnotation;
  return type?.type === 'TSTypeReference' && /^Readonly/.test(type.typeName.name ?? '');
}

/** What a file does to each of these names that changes it, or something in it. */
function changesIn(program, names) {
  const changes = new Map();
  const add = (target, how) => {
    const root = rootOf(target);
    if (!root || !names.has(root)) return;
    changes.set(root, [...(changes.get(root) ?? []), how]);
  };
  walk(program, (node) => {
    const isMember = (each) => each?.type === 'MemberExpression';
    if (node.type === 'AssignmentExpression' && isMember(node.left)) add(node.left, 'a part is assigned');
    if (node.type === 'UpdateExpression' && isMember(node.argument)) add(node.argument, 'a part is counted');
    if (node.type === 'UnaryExpression' && node.operator === 'delete')
      add(node.argument, 'a part is deleted');
    if (node.type !== 'CallExpression' || !isMember(node.callee)) return;
    const { object, property, computed } = node.callee;
    if (!computed && changing.has(property.name)) add(object, property.name);
    if (!computed && object.name === 'Object' && property.name === 'assign' && node.arguments[0])
      add(node.arguments[0], 'Object.assign');
  });
  return changes;
}

/** The name that a chain of members begins with. */
function rootOf(node) {
  if (node?.type === 'Identifier') return node.name;
  return node?.type === 'MemberExpression' ? rootOf(node.object) : undefined;
}

/** A static member of a class is state of its module too. */
function staticMembers(program) {
  const found = [];
  walk(program, (node) => {
    if (node.type !== 'PropertyDefinition' || !node.static || node.readonly) return;
    found.push({ name: node.key.name, reason: 'is static and not read-only', start: node.start });
  });
  return found;
}
