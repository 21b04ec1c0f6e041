import type { Credentials, NamedValue, Placeholder, Template, TemplateValue } from '../config/template.ts';
import { headerText, plainText, tokenText } from './header-text.ts';
import { filterNamed } from './template-filters.ts';
import { type TemplateContext, type ValueNeeds, valueNamed } from './template-values.ts';

/** Every value that a template names. */
function valuesOf(template: Template): NamedValue[] {
  return template.flatMap((part) => {
    if (typeof part === 'string') return [];
    const { value } = part;
    return value.kind === 'credentials'
      ? [...valuesOf(value.username), ...valuesOf(value.password)]
      : [value];
  });
}

/** Whether a template names anything that is not the same whoever asks. */
export const namesPerson = (template: Template): boolean =>
  valuesOf(template).some(({ kind }) => valueNamed(kind).of !== 'request');

/** Whether a template gives the same on every request of a person. */
export const isSameForPerson = (template: Template): boolean =>
  valuesOf(template).every(({ kind }) => valueNamed(kind).of === 'person');

/** What the values of a template need. */
export const needsOfTemplate = (template: Template): ValueNeeds[] =>
  valuesOf(template).flatMap(({ kind, path = '' }) => valueNamed(kind).needs?.(path) ?? []);

/** Gives a header's value; undefined, and so no header, when a value in it is absent. */
export type CompiledTemplate = (context: TemplateContext) => string | undefined;

/** Compiles a template once, so that a request only concatenates. */
export function compileTemplate(template: Template): CompiledTemplate {
  const parts = template.map((part) => (typeof part === 'string' ? part : compilePlaceholder(part)));
  const [prefix, only] = parts;
  if (typeof prefix === 'string' && typeof only === 'function' && parts.length === 2) {
    return (context) => {
      const value = only(context);
      return value === undefined ? undefined : prefix + value;
    };
  }
  return (context) => {
    let text = '';
    for (const part of parts) {
      const value = typeof part === 'string' ? part : part(context);
      if (value === undefined) return;
      text += value;
    }
    return text;
  };
}

function compilePlaceholder({ value, filter }: Placeholder): CompiledTemplate {
  const read = compileValue(value);
  const apply = filter === undefined ? (isToken(value) ? tokenText : headerText) : filterNamed(filter);
  return (context) => {
    const raw = read(context);
    return raw === undefined || raw === null ? undefined : apply(raw);
  };
}

const isToken = (value: TemplateValue): boolean =>
  value.kind !== 'credentials' && valueNamed(value.kind).isToken === true;

function compileValue(value: TemplateValue): (context: TemplateContext) => unknown {
  if (value.kind === 'credentials') return compileCredentials(value);
  const { read } = valueNamed(value.kind);
  const { path = '' } = value;
  return (context) => read(context, path);
}

function compileCredentials({ username, password }: Credentials): CompiledTemplate {
  const nameOf = compileText(username);
  const secretOf = compileText(password);
  return (context) => {
    const name = nameOf(context);
    // RFC 7617 §2: a colon would end the name early, and so name somebody else.
    if (name === undefined || name.includes(':')) return;
    const secret = secretOf(context);
    return secret === undefined ? undefined : `${name}:${secret}`;
  };
}

/** A template as text in any characters, for what is encoded as a whole; a value of nothing is as good as absent. */
function compileText(template: Template): CompiledTemplate {
  const parts = template.map((part) => (typeof part === 'string' ? part : compilePlainPlaceholder(part)));
  return (context) => {
    let text = '';
    for (const part of parts) {
      const value = typeof part === 'string' ? part : part(context);
      if (value === undefined || value === '') return;
      text += value;
    }
    return text;
  };
}

function compilePlainPlaceholder({ value, filter }: Placeholder): CompiledTemplate {
  const read = compileValue(value);
  const apply = filter === undefined ? plainText : filterNamed(filter);
  return (context) => {
    const raw = read(context);
    return raw === undefined || raw === null ? undefined : apply(raw);
  };
}
