import type { z } from 'zod';
import { valueAt } from './document.ts';
import { type JsonSchema, listForm, members, schemaAt } from './json-schema.ts';
import { type ConfigPath, formatPath } from './problems.ts';
import { nearest } from './suggest.ts';

export interface Explanation {
  path: ConfigPath;
  message: string;
  /** The message is about the key itself rather than its value. */
  aboutKey: boolean;
}

/** Turns one issue of the schema library into sentences: what was expected, what came, what was meant. */
export function explainIssue(issue: z.core.$ZodIssue, schema: JsonSchema, document: unknown): Explanation[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `there is no such key${suggestion(key, path, schema)}`,
      aboutKey: true,
    }));
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues.map((inner) => inner.message).join(', ');
    return [{ path, message: `the name is not valid: expected ${expected}.`, aboutKey: true }];
  }
  if (issue.code === 'invalid_union') {
    const branch = bestBranch(issue.errors);
    if (branch) {
      return branch.flatMap((inner) =>
        explainIssue({ ...inner, path: [...issue.path, ...inner.path] }, schema, document),
      );
    }
  }
  const value = givenAt(document, path);
  const expected =
    issue.code === 'custom' || !issue.message.startsWith('Invalid')
      ? issue.message
      : kind(issue, schemaAt(schema, path));
  if (value === undefined) {
    return [{ path, message: `this key is required: ${expected}.`, aboutKey: false }];
  }
  return [{ path, message: `expected ${expected}${received(value, path, schema)}.`, aboutKey: false }];
}

/** Of the branches of a union, the one that the value was meant for: its type was right. */
function bestBranch(branches: readonly z.core.$ZodIssue[][]): readonly z.core.$ZodIssue[] | undefined {
  return branches.find((issues) =>
    issues.every((issue) => issue.path.length > 0 || !['invalid_type', 'invalid_value'].includes(issue.code)),
  );
}

function kind(issue: z.core.$ZodIssue, schema: JsonSchema | undefined): string {
  if (issue.code === 'invalid_type' && issue.expected === 'object') {
    const keys = schema && issue.path.length > 0 ? members(schema).map(([name]) => name) : [];
    const some = keys.length > 4 ? `${keys.slice(0, 3).join(', ')} and others` : keys.join(', ');
    return keys.length === 0 ? 'a map of keys' : `a map of keys (${some})`;
  }
  return issue.message.replace(/^Invalid (input|value): expected /, '').replace(/, received .*$/, '');
}

/** Whether a text may stand there, and no map. */
function takesText(schema: JsonSchema = {}): boolean {
  const types = [schema, ...(schema.anyOf ?? [])].flatMap(({ type = [] }) => type);
  return types.includes('string') && !types.includes('object');
}

/** What came instead; never the value of a secret, nor long text. */
function received(value: unknown, path: ConfigPath, schema: JsonSchema): string {
  if (value === null) return ', got nothing';
  if (Array.isArray(value)) return ', got a list';
  // `X-User: {claims.email}` is a map to YAML.
  if (typeof value === 'object')
    return takesText(schemaAt(schema, path))
      ? ', got a map: a text that begins with { needs quotes'
      : ', got a map';
  const secret = path.some((_, index) => schemaAt(schema, path.slice(0, index + 1))?.secret);
  // An address may hold the password of somebody.
  const text = JSON.stringify(value).replace(/(\/\/)[^/@"]*@/g, '$1***@');
  return secret || text.length > 80 ? '' : `, got ${text}`;
}

/** What a document has at a path; or the short form of an object: a text that stands for one of its members. */
function givenAt(document: unknown, path: ConfigPath): unknown {
  const around = valueAt(document, path.slice(0, -1));
  return path.length > 0 && typeof around === 'string' ? around : valueAt(document, path);
}

function suggestion(key: string, path: ConfigPath, schema: JsonSchema): string {
  const here = schemaAt(schema, path);
  const siblings = here ? members(here).map(([name]) => name) : [];
  const near = nearest(key, siblings);
  if (near) return `; did you mean ${formatPath([...path, near])}?`;
  const elsewhere = placesOf(key, schema);
  const known = `keys here are ${siblings.join(', ')}.`;
  if (elsewhere.length === 0) return siblings.length > 0 ? `; the ${known}` : '.';
  const [first, ...others] = elsewhere;
  const meant = `; did you mean ${first}?${others.length > 0 ? ` Or ${others.join(', ')}?` : ''}`;
  // At the top, where a key goes that belongs elsewhere, the list is long and says little.
  return path.length === 0 || siblings.length === 0 ? meant : `${meant} The ${known}`;
}

const mostPlaces = 3;

/** Where else in the configuration a key of this very name is, or one whose name is near; none where that says little. */
function placesOf(key: string, schema: JsonSchema): string[] {
  const places = findKeys(key, schema, []);
  const exact = places.filter((place) => place.name === key).map(({ at }) => at);
  if (exact.length > 0) return exact.length > mostPlaces ? [] : exact;
  return places.slice(0, 1).map(({ at }) => at);
}

interface KeyPlace {
  name: string;
  at: string;
}

function findKeys(key: string, schema: JsonSchema, path: readonly string[]): KeyPlace[] {
  return members(schema).flatMap(([name, member]) => {
    const isIt = name === key || (name.length > 3 && nearest(key, [name]) === name);
    if (isIt) return [{ name, at: asWritten([...path, name]) }];
    const { items } = listForm(member) ?? {};
    return findKeys(key, items ?? member, [...path, items ? `${name}[]` : name]);
  });
}

const asWritten = (path: readonly string[]) =>
  formatPath(path).replaceAll(/(^|\.)?\["(\w+)\[\]"\]/g, (_, dot, name) => `${dot ?? ''}${name}[]`);
