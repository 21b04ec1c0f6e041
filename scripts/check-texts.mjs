import { importsOf, readSource, report, walk } from './read-source.mjs';

/**
 * Holds that what people read stands in src/pages/texts alone. The types do most of it: a page, a button and an error
 * take a `Text`, which only `text` makes out of a key. This finds what types cannot: a sentence elsewhere, words in
 * HTML, a cast to `Text`, a sentence in place of a value, and a text that nobody uses.
 *
 *     node scripts/check-texts.mjs [folder]
 *
 * Messages for operators begin with a small letter and end without a full stop, and what an `Error` or the log is
 * given is for them; so neither is taken for a sentence.
 */

const home = 'pages/texts';
const isHome = (file) => file.startsWith(`${home}/`);

/** What has sentences for operators and developers alone: commands, the log, the reference of the configuration. */
const forOperators = [
  ...['main.ts', 'admin/', 'commands/', 'config/', 'demo/', 'observe/'],
  ...['access/conditions/', 'routes/clashes.ts', 'session/shared/redis-'],
];
/** Protocol English: the sentence of an `error_description` (RFC 6750 §3), which has no full stop, is for programs. */
const protocol = ['identity/bearer/', 'identity/tokens/'];

const sources = readSource();
const uses = sources.filter(({ file }) => !isHome(file)).flatMap(usesOf);

report([
  ...sources.filter(({ file }) => !isHome(file)).flatMap(findings),
  ...sources.filter(({ file }) => file === `${home}/en.ts`).flatMap(unusedKeys),
]);

function findings(source) {
  const { file, program, lineOf } = source;
  const isForOperators = forOperators.some((each) => file.startsWith(each));
  const found = importsOf(source)
    .filter(({ imported }) => isHome(imported) && !/\/(?:text|languages)\.ts$/.test(imported))
    .map(({ line, target }) => `src/${file}:${line} imports ${target}: texts are read by text and say.`);
  walk(program, (node, above) => {
    const reason =
      walkAround(node) ??
      (isForOperators || isForLogs(above) ? undefined : (sentenceIn(node, file, above) ?? wordsInHtml(node)));
    if (reason) found.push(`src/${file}:${lineOf(node.start)} ${reason}`);
  });
  return found;
}

/** What would have a sentence pass for a text. */
function walkAround(node) {
  if (node.type === 'TSAsExpression' || node.type === 'TSTypeAssertion') {
    const name = node.typeAnnotation.typeName?.name;
    return name === 'Text' || name === 'Texts' ? `is cast to ${name}: only text makes one.` : undefined;
  }
  if (node.type === 'ImportSpecifier' && ['text', 'say'].includes(node.imported.name)) {
    return node.local.name === node.imported.name ? undefined : 'gives text another name.';
  }
  if (!isTextCall(node)) return undefined;
  let reason;
  for (const values of node.arguments.slice(1)) {
    walk(values, (each) => {
      const words = wordsOf(each);
      if (words && /\p{L}/u.test(words))
        reason = `gives a text the value "${words}": words belong into the text.`;
    });
  }
  return reason;
}

function isTextCall({ type, callee }) {
  return type === 'CallExpression' && callee.type === 'Identifier' && callee.name === 'text';
}

/** What a literal says, with `…` for each value of a template. */
function wordsOf(node) {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined;
  if (node.type !== 'TemplateLiteral') return undefined;
  return node.quasis.map(({ value }) => value.cooked).join('…');
}

function sentenceIn(node, file, above) {
  const words = wordsOf(node)?.trim();
  if (words === undefined || above.at(-1)?.type === 'ImportDeclaration' || isTextCall(above.at(-1) ?? {}))
    return undefined;
  // The body of an answer is read, be it one word.
  if (above.at(-1)?.key?.name === 'body' && /\p{L}/u.test(words))
    return `has a body "${shortened(words)}": what people read stands in src/${home}.`;
  const isProtocol =
    (protocol.some((each) => file.startsWith(each)) || above.at(-1)?.key?.name === 'description') &&
    !/[.?!]$/.test(words);
  return isSentence(words) && !isProtocol
    ? `has the words "${shortened(words)}": what people read stands in src/${home}.`
    : undefined;
}

function isSentence(words) {
  // Letters beyond ASCII are of a language, never of the protocol.
  if (/[^\P{L}a-z]/iu.test(words)) return true;
  const hasPlainWord = /\s[a-z]+(?:-[a-z]+)*(?:[\s.,;:?!')]|$)/.test(words);
  const isBegun = /^[A-Z](?:[a-z']|\s)/.test(words);
  const isEnded = /[A-Za-z)…][.?!]$/.test(words);
  return hasPlainWord && (isBegun || isEnded);
}

/** Words between the tags of a template, or in an attribute that people read. */
function wordsInHtml(node) {
  const html = wordsOf(node);
  if (html === undefined || !/<\/?[a-z!]/i.test(html)) return undefined;
  const between = />[^<]*\p{L}[^<]*</u.exec(html) ?? />[^<]*\p{L}[^<]*$/u.exec(html);
  const attribute = /\b(?:alt|title|placeholder|aria-label)="[^"]*\p{L}/u.exec(html);
  const words = (between ?? attribute)?.[0];
  return words && `has the words "${shortened(words)}" in HTML: they stand in src/${home}.`;
}

/** Given to the log, to an event, or as the message of an error that is the cause of another. */
function isForLogs(above) {
  return above.some(({ type, callee }) => {
    if (type === 'NewExpression') return /^(?!Gateway)\w*Error$/.test(callee.name);
    if (type !== 'CallExpression') return false;
    if (callee.name === 'emit') return true;
    if (callee.type !== 'MemberExpression') return false;
    const { object, property } = callee;
    return property.name === 'emit' || object.name === 'log' || object.property?.name === 'log';
  });
}

function shortened(words) {
  return words.length > 60 ? `${words.slice(0, 60)}…` : words;
}

/** The keys that a file uses, as expressions: a template stands for each key that fits. */
function usesOf({ program }) {
  const found = [];
  walk(program, (node) => {
    if (!isTextCall(node) || !node.arguments[0]) return;
    walk(node.arguments[0], (each) => {
      const key = wordsOf(each);
      if (key === undefined) return;
      const parts = key.split('…').map((part) => part.replace(/[^\w]/g, '\\$&'));
      found.push(new RegExp(`^${parts.join('\\w+')}$`));
    });
  });
  return found;
}

function unusedKeys({ file, program, lineOf }) {
  const found = [];
  walk(program, (node) => {
    if (node.type !== 'Property' || node.key.type !== 'Literal') return;
    const { value: key } = node.key;
    if (!uses.some((use) => use.test(key)))
      found.push(`src/${file}:${lineOf(node.start)} ${key}: nobody uses this text.`);
  });
  return found;
}
