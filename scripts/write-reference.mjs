import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentNames } from '../dist/src/config/environment.js';
import { configJsonSchema, listForm, members } from '../dist/src/config/json-schema.js';
import { formatPath } from '../dist/src/config/problems.js';
import { publishedJsonSchema } from '../dist/src/config/published-schema.js';
import { configSchema } from '../dist/src/config/schema/index.js';
import { parseTemplate } from '../dist/src/config/template.js';
import { compileTemplate } from '../dist/src/forward/template.js';
import { templateFilters } from '../dist/src/forward/template-filters.js';
import { templateValues, written } from '../dist/src/forward/template-values.js';
import { auditEvents } from '../dist/src/observe/audit-events.js';
import { auditJsonSchema } from '../dist/src/observe/audit-schema.js';
import { definitions, labels } from '../dist/src/observe/metrics/definitions.js';
import { logJsonSchema, requestLineFields } from '../dist/src/observe/sinks/log-schema.js';
import { attributes, spans } from '../dist/src/observe/traces/definitions.js';
import { root } from './prepare.mjs';

/**
 * Writes what follows from the schema of the configuration: `config/sallyport.schema.json`, and the tables
 * between the two marks in `docs/configuration.md`; from the tables of header values and filters those in
 * `docs/headers.md`; from the definitions of metrics those in `docs/metrics.md`, from those of spans those in
 * `docs/tracing.md`; from the fields of the log
 * `config/sallyport-log.schema.json` and the table in `docs/logging.md`; and from the events and fields of the audit
 * `config/sallyport-audit.schema.json` and the tables of `docs/audit.md`. It reads the compiled code, so compile first.
 *
 *     node scripts/write-reference.mjs [--check]
 *
 * With `--check` nothing is written; each file that is out of date is named, and the exit code is then 1.
 */
const sources = {
  reference: 'the schema',
  values: 'src/forward/template-values.ts',
  filters: 'src/forward/template-filters.ts',
  metrics: 'src/observe/metrics/definitions.ts',
  labels: 'src/observe/metrics/definitions.ts',
  spans: 'src/observe/traces/definitions.ts',
  attributes: 'src/observe/traces/definitions.ts',
  fields: 'src/observe/sinks/log-schema.ts',
  events: 'src/observe/audit-events.ts',
  'audit-fields': 'src/observe/audit-schema.ts',
};

const schema = configJsonSchema();
const environment = environmentByPath();

const files = [
  { path: 'config/sallyport.schema.json', make: () => formatJson(publishedJsonSchema()) },
  { path: 'config/sallyport-log.schema.json', make: () => formatJson(logJsonSchema()) },
  {
    path: 'docs/logging.md',
    make: (before) => between(before, 'fields', fieldsTable()),
  },
  { path: 'docs/configuration.md', make: (before) => between(before, 'reference', reference()) },
  {
    path: 'docs/headers.md',
    make: (before) => between(between(before, 'values', valuesTable()), 'filters', filtersTable()),
  },
  { path: 'config/sallyport-audit.schema.json', make: () => formatJson(auditJsonSchema()) },
  {
    path: 'docs/audit.md',
    make: (before) => between(between(before, 'events', auditTable()), 'audit-fields', auditFieldsTable()),
  },
  {
    path: 'docs/metrics.md',
    make: (before) => between(between(before, 'metrics', metricsTable()), 'labels', labelsTable()),
  },
  {
    path: 'docs/tracing.md',
    make: (before) => between(between(before, 'spans', spansTable()), 'attributes', attributesTable()),
  },
];

const checking = process.argv.includes('--check');
for (const { path, make } of files) {
  const before = readIfPresent(join(root, path));
  const after = make(before);
  if (before === after) continue;
  if (checking) {
    console.error(`${path} is out of date. Run: npx tsc && node scripts/write-reference.mjs`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(root, path), after);
    console.log(`Wrote ${path}.`);
  }
}

function readIfPresent(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return '';
  }
}

/** JSON in the form that the formatter of the project asks for. */
function formatJson(value) {
  const command = ['node_modules/@biomejs/biome/bin/biome', 'format', '--stdin-file-path=schema.json'];
  const input = JSON.stringify(value, null, 2);
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    encoding: 'utf8',
    input,
  });
  if (status !== 0) throw new Error(`the schema could not be formatted: ${stderr}`);
  return stdout;
}

/** A page with a new text between two of its marks. */
function between(page, name, text) {
  const begin = `<!-- ${name}: written by scripts/write-reference.mjs from ${sources[name]}; do not edit -->`;
  const end = `<!-- ${name}: end -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`a page has lost its two marks of ${name}`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n${page.slice(to)}`;
}

function valuesTable() {
  const rows = templateValues.map((value) => `| \`${written(value, '<path>')}\` | ${value.meaning} |`);
  const braces = '| `{{`, `}}` | the characters `{` and `}` |';
  return ['| in a template | is |', '| --- | --- |', ...rows, braces, ''].join('\n');
}

function metricsTable() {
  const rows = Object.values(definitions).map(
    ({ name, type, labels: named, help }) =>
      `| \`${name}\` | ${type} | ${named.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return ['| metric | type | labels | tells |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

function labelsTable() {
  const rows = Object.entries(labels).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return ['| label | is |', '| --- | --- |', ...rows, ''].join('\n');
}

function spansTable() {
  const rows = Object.values(spans).map(({ kind, title, meaning, attributes: set }) => {
    const names = set.map((name) => `\`${name}\``).join(', ');
    return `| ${title} | ${kind} | ${meaning} | ${names} |`;
  });
  return ['| span | kind | is | attributes |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

function attributesTable() {
  const rows = Object.entries(attributes).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return ['| attribute | is |', '| --- | --- |', ...rows, ''].join('\n');
}

/** What each filter makes of a name that is not ASCII. */
function filtersTable() {
  const person = { claims: { name: 'Zoë Ångström' } };
  const write = (template) => compileTemplate(parseTemplate(template))({ requestId: '', person });
  const rows = templateFilters.map(({ name }) => {
    const template = `{claims.name|${name}}`;
    return `| \`${template.replace('|', '\\|')}\` | \`${write(template)}\` |`;
  });
  return [
    '| filter | `Zoë Ångström` becomes |',
    '| --- | --- |',
    `| none | \`${write('{claims.name}')}\` |`,
    ...rows,
    '',
  ].join('\n');
}

/** The fields of the line of a request. */
function fieldsTable() {
  const rows = Object.entries(requestLineFields).map(([name, { meaning }]) => `| \`${name}\` | ${meaning} |`);
  return ['| field | is |', '| --- | --- |', ...rows, ''].join('\n');
}

function auditTable() {
  const rows = Object.entries(auditEvents).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return ['| `event` | when |', '| --- | --- |', ...rows, ''].join('\n');
}

function auditFieldsTable() {
  const { properties, required } = auditJsonSchema();
  const rows = Object.entries(properties).map(([name, { type, description }]) => {
    const kind = type ?? (name === 'v' ? 'integer' : 'string');
    return `| \`${name}\` | ${kind}${required.includes(name) ? ', always' : ''} | ${description} |`;
  });
  return ['| field | type | is |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

function reference() {
  return members(schema).map(section).join('\n');
}

/** One top-level key: its description, and a table of it or of the keys below it. */
function section([name, member]) {
  const below = rows(member, [name]);
  const lines = below.length > 0 ? below : [row(name, member, [name], schema)];
  // The short form of a key is set by a name of its own.
  const own = below.length > 0 && environment.get(`${name}.${member.short}`) ? shortForm(name, member) : '';
  return [
    `### \`${name}\``,
    '',
    `${below.length > 0 ? `${sentence(member.description)}${own}\n\n` : ''}| key | value | default | meaning |`,
    '| --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n');
}

function shortForm(name, { short }) {
  return ` A bare string stands for \`${name}.${short}\`.`;
}

/** The rows of the keys below a member; of a list, those of its items. */
function rows(member, path) {
  const items = listForm(member)?.items;
  // An item that has a short form is a map all the same; one in place of a list is told as the map.
  const hasItems = items?.properties || (items?.short && members(member).length === 0);
  const [object, at] = hasItems ? [items, [...path, 0]] : [member, path];
  return members(object).flatMap(([name, inner]) => {
    const innerPath = [...at, name];
    return [row(name, inner, innerPath, object), ...rows(inner, innerPath)];
  });
}

function row(name, member, path, parent) {
  const written = formatPath(path).replaceAll('[0]', '[]');
  const names = environment.get(path.join('.')) ?? [];
  const key = [`\`${written}\``, ...names.map((variable) => `\`${variable}\``)].join('<br>');
  const required = parent.required?.includes(name) ?? false;
  const cells = [key, expected(path, member), standard(member, required), sentence(member.description)];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** What the schema itself says that it expects: the sentence that stands in its error messages too. */
function expected(path, member) {
  // What takes other forms beside says so itself.
  if (members(member).length > 0 && !listForm(member)) return 'a map';
  const { error } = configSchema.safeParse(documentWith(path, () => undefined));
  const issue = flatten(error.issues).find(
    (candidate) => candidate.path.join('.') === path.join('.') && !candidate.message.startsWith('Invalid'),
  );
  if (!issue) {
    throw new Error(`the schema says nowhere what ${formatPath(path)} takes`);
  }
  return issue.message;
}

/** The issues, and behind those of a union the ones of its branches, by their whole paths. */
function flatten(issues) {
  return issues.flatMap((issue) => [
    issue,
    ...(issue.errors ?? []).flatMap((branch) =>
      flatten(branch.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))),
    ),
  ]);
}

function documentWith([step, ...rest], value) {
  if (step === undefined) return value;
  return typeof step === 'number' ? [documentWith(rest, value)] : { [step]: documentWith(rest, value) };
}

function standard(member, required) {
  if (required) return 'required';
  const value = member.default;
  if (value === undefined) return 'unset';
  if (Array.isArray(value)) return value.length === 0 ? 'empty' : `\`[${value.join(', ')}]\``;
  // The default of a map with known keys is the defaults of those.
  if (typeof value === 'object') return members(member).length > 0 ? '' : 'empty';
  return `\`${value}\``;
}

function sentence(description) {
  if (!description) throw new Error('a key of the schema has no description');
  return description;
}

/** The environment variables that set a key, by its path joined with dots. */
function environmentByPath() {
  const byPath = new Map();
  for (const [name, { path }] of environmentNames(schema)) {
    byPath.set(path.join('.'), [...(byPath.get(path.join('.')) ?? []), name]);
  }
  return byPath;
}
