import { asMap } from './document.ts';
import { readSecretFile, type Surroundings } from './interpolate.ts';
import { type JsonSchema, listForm, members } from './json-schema.ts';
import type { ConfigPath, Problem } from './problems.ts';
import { nearest } from './suggest.ts';

const namePrefix = 'SALLYPORT_';
/** Names that are no keys: the file itself, and what Kubernetes sets for a service called `sallyport`. */
const foreignNames = /^SALLYPORT_(CONFIG|SERVICE_.*|PORT(_.*)?)$/;

interface Override {
  path: readonly string[];
  list: boolean;
  /** One value may stand where a list may. */
  single: boolean;
}

/** `provider.clientSecret` → `SALLYPORT_PROVIDER_CLIENT_SECRET`; a `-` in a chosen name is written `_`. */
function environmentName(path: readonly string[]): string {
  return (
    namePrefix + path.map((key) => key.replace(/[A-Z]/g, '_$&').replaceAll('-', '_').toUpperCase()).join('_')
  );
}

/** The members of a schema; of a map whose keys the file chooses (`providers`), one for each key of the file. */
function membersOf(schema: JsonSchema, document: unknown): [name: string, member: JsonSchema][] {
  const { additionalProperties: each } = schema;
  if (typeof each !== 'object' || members(each).length === 0) return members(schema);
  return Object.keys(asMap(document)).map((key) => [key, each]);
}

/**
 * Every key that the environment can set, by its name: scalars, and lists of plain values.
 * @param document what the file says, whose maps may have keys of its own choice
 * @public scripts/write-reference.mjs makes the reference page of it, from the compiled code
 */
export function environmentNames(
  schema: JsonSchema,
  document: unknown = {},
  path: readonly string[] = [],
): Map<string, Override> {
  const names = new Map<string, Override>();
  for (const [key, member] of membersOf(schema, document)) {
    const memberPath = [...path, key];
    const below = asMap(document)[key];
    if (membersOf(member, below).length > 0) {
      for (const [name, override] of environmentNames(member, below, memberPath)) names.set(name, override);
      if (member.short) {
        names.set(environmentName(memberPath), {
          path: [...memberPath, member.short],
          list: false,
          single: true,
        });
      }
      // A word in the place of the whole map, such as `off`.
      if (member.anyOf?.some((form) => typeof form.const === 'string'))
        names.set(environmentName(memberPath), { path: memberPath, list: false, single: true });
      continue;
    }
    const items = listForm(member)?.items;
    if (items ? !items.properties : member.additionalProperties === undefined) {
      const list = items !== undefined;
      names.set(environmentName(memberPath), { path: memberPath, list, single: !(list && member.items) });
    }
  }
  return names;
}

export interface EnvironmentResult {
  document: unknown;
  /** Which environment variable a value came from, by its path joined with dots. */
  origins: Map<string, string>;
  problems: Problem[];
  warnings: string[];
}

/**
 * Lays the environment over the document: `SALLYPORT_…` names set keys, the same names ending in `_FILE`
 * read the value from a file. Lists are written with commas. Unknown names are warned about, not refused:
 * the surroundings may set names of their own.
 */
export function applyEnvironment(
  document: unknown,
  { env, read }: Surroundings,
  schema: JsonSchema,
): EnvironmentResult {
  const names = environmentNames(schema, document);
  const origins = new Map<string, string>();
  const problems: Problem[] = [];
  const warnings: string[] = [];
  let result = document;
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(namePrefix) || foreignNames.test(name) || value === undefined) continue;
    const fromFile = !names.has(name) && name.endsWith('_FILE');
    const key = fromFile ? name.slice(0, -'_FILE'.length) : name;
    const override = names.get(key);
    if (!override) {
      const meant = nearest(key, [...names.keys()]);
      warnings.push(
        `the environment variable ${name} is no key of the configuration${meant ? `; did you mean ${meant}?` : ''}`,
      );
      continue;
    }
    const report = (message: string) => problems.push({ path: override.path, source: name, message });
    if (fromFile && env[key] !== undefined) {
      report(`${key} and ${name} are both set; keep one of them.`);
      continue;
    }
    const text = fromFile ? readSecretFile(value, read, report) : value;
    if (text === undefined) continue;
    const items = override.list ? text.split(',').map((item) => item.trim()) : [text];
    const [first = ''] = items;
    result = setAt(result, override.path, schema, override.single && items.length === 1 ? first : items);
    origins.set(override.path.join('.'), name);
  }
  return { document: result, origins, problems, warnings };
}

function setAt(document: unknown, path: ConfigPath, schema: JsonSchema, value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const member = members(schema).find(([name]) => name === key)?.[1] ?? {};
  const object =
    typeof document === 'string' && schema.short ? { [schema.short]: document } : asMap(document);
  return { ...object, [key]: setAt(object[key], rest, member, value) };
}
