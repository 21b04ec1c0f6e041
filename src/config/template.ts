import { type TemplateFilter, templateFilters } from '../forward/template-filters.ts';
import { findValue, templateValues, type ValueName, written } from '../forward/template-values.ts';

/**
 * Header templates as they stand in the configuration, parsed once at load: `Bearer {access_token}`,
 * `{claims.email}`, `{claims.groups|json}`. A doubled brace is a brace.
 */

/** A value of the table in forward/template-values.ts; with a path where there are many of a name. */
export interface NamedValue {
  kind: ValueName;
  path?: string;
}

/** User name and password as one value (RFC 7617). */
export interface Credentials {
  kind: 'credentials';
  username: Template;
  password: Template;
}

export type TemplateValue = NamedValue | Credentials;

export interface Placeholder {
  value: TemplateValue;
  filter: TemplateFilter | undefined;
}

/** Literal text and placeholders, in order. */
export type Template = readonly (string | Placeholder)[];

export class TemplateSyntaxError extends Error {
  override readonly name = 'TemplateSyntaxError';
}

function parsePlaceholder(source: string): Placeholder {
  const [name = '', filterName, ...rest] = source.split('|').map((part) => part.trim());
  const filter = templateFilters.find((known) => known.name === filterName)?.name;
  if (rest.length > 0 || (filterName !== undefined && filter === undefined)) {
    const names = templateFilters.map((known) => known.name).join(', ');
    throw new TemplateSyntaxError(`{${source}} has no filter of that name; there are ${names}`);
  }
  const value = findValue(name);
  if (value) return { value, filter };
  const values = templateValues.map((known) => written(known)).join(', ');
  throw new TemplateSyntaxError(`{${source}} is not known; there are ${values}`);
}

/**
 * Parses a template; what stands in a header by itself has to be ASCII. Throws TemplateSyntaxError with a
 * sentence that names the faulty part.
 */
export function parseTemplate(text: string, characters: 'ascii' | 'any' = 'ascii'): Template {
  if (characters === 'ascii' && /[^\x20-\x7e]/.test(text)) {
    throw new TemplateSyntaxError('a header template is written in visible ASCII characters');
  }
  const parts: (string | Placeholder)[] = [];
  let literal = '';
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if ((character === '{' || character === '}') && text.charAt(at + 1) === character) {
      literal += character;
      at++;
    } else if (character === '{') {
      const end = text.indexOf('}', at);
      if (end < 0) throw new TemplateSyntaxError('a { is never closed; write {{ for the character itself');
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push(parsePlaceholder(text.slice(at + 1, end)));
      at = end;
    } else if (character === '}') {
      throw new TemplateSyntaxError('a } was never opened; write }} for the character itself');
    } else {
      literal += character;
    }
  }
  if (literal !== '') parts.push(literal);
  return parts;
}
