import { importsOf, readSource, report, walk } from './read-source.mjs';

/**
 * Holds that what happens is told as an event (src/observe/events.ts): outside of src/observe nobody writes a line of
 * the log, has a logger, or reaches for the sinks. What a command prints for the person who typed it is not the log.
 *
 *     node scripts/check-log.mjs [folder]
 */

const home = 'observe/';
/**
 * What the others may take of that folder: what an event is, who opens it, and how texts lose what is secret or acts upon a
 * terminal.
 */
const port = [
  'events',
  'observed-exchange',
  'open-observe',
  'trace',
  'scrub',
  'known-secrets',
  'control-characters',
  'audit-events',
].map((name) => `observe/${name}.ts`);
/** The kinds of events, and what is counted, which goes from process to process, and to those who ask for it. */
const folders = ['observe/events/', 'observe/metrics/', 'observe/figures/'];
const loggers = /^(?:pino|pino-pretty|pino\/.*)$/;
/** `log`, `logger`, `Logger`, `accessLog`, `#log`. */
const names = /^(?:log|logger|Logger|createLogger|\w+Log|\w+Logger)$/;
/** The command line speaks to people, and the demo quietens its provider. */
const speakers = /^(?:main\.ts$|commands\/|demo\/)/;

report(
  readSource()
    .filter(({ file }) => !file.startsWith(home))
    .flatMap((source) => [...importsAround(source), ...namesIn(source)]),
);

function importsAround(source) {
  const { file, program, lineOf } = source;
  const inside = importsOf(source)
    .filter(
      ({ imported }) =>
        imported.startsWith(home) &&
        !folders.some((folder) => imported.startsWith(folder)) &&
        !port.includes(imported),
    )
    .map(({ line, imported }) => `src/${file}:${line} imports ${imported}: emit an event instead.`);
  const packages = [];
  walk(program, ({ type, source: from, start }) => {
    if ((type === 'ImportDeclaration' || type === 'ImportExpression') && loggers.test(from?.value))
      packages.push(`src/${file}:${lineOf(start)} imports ${from.value}: emit an event instead.`);
  });
  return [...inside, ...packages];
}

function namesIn({ file, program, lineOf }) {
  const found = [];
  const tell = (node, what) =>
    found.push(`src/${file}:${lineOf(node.start)} ${what}: emit an event instead.`);
  walk(program, (node, above) => {
    const parent = above.at(-1);
    if (isOutput(node) && !speakers.test(file)) tell(node, `writes to ${outputOf(node)}`);
    if (node.type !== 'Identifier' && node.type !== 'PrivateIdentifier') return;
    if (names.test(node.name) && !isOfOthers(node, parent)) tell(node, `has ${node.name}`);
  });
  return found;
}

/** `Math.log` and the members of what is no logger of ours; an option of a library that turns its own off. */
function isOfOthers(node, parent) {
  if (parent?.type === 'MemberExpression' && parent.property === node && !parent.computed)
    return ['Math', 'console'].includes(parent.object.name);
  return parent?.type === 'Property' && parent.key === node && parent.value.value === false;
}

/** `console.…`, `process.stdout`, `process.stderr`. */
function isOutput({ type, object, property, computed }) {
  if (type !== 'MemberExpression' || object.type !== 'Identifier') return false;
  if (object.name === 'console') return true;
  const name = computed ? property.value : property.name;
  return object.name === 'process' && ['stdout', 'stderr'].includes(name);
}

function outputOf({ object, property }) {
  return object.name === 'console' ? 'console' : `process.${property.name ?? property.value}`;
}
