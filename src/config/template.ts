/**
 * Header templates as they stand in the configuration, parsed once at load: `Bearer {access_token}`,
 * `{claims.email}`, `{claims.groups|json}`. A doubled brace is a brace.
 */
export const templateFilters = ['base64', 'uri', 'json'] as const;
export type TemplateFilter = (typeof templateFilters)[number];

const plainValues = [
  'access_token',
  'id_token',
  'token',
  'user',
  'email',
  'name',
  'groups',
  'session.id',
  'provider',
  'request.id',
  'client.address',
] as const;

export type TemplateValue =
  | { kind: (typeof plainValues)[number] }
  | { kind: 'claim'; path: string }
  | { kind: 'credentials'; username: Template; password: Template };

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
  const filter = templateFilters.find((known) => known === filterName);
  if (rest.length > 0 || (filterName !== undefined && filter === undefined)) {
    throw new TemplateSyntaxError(
      `{${source}} has no filter of that name; there are ${templateFilters.join(', ')}`,
    );
  }
  const plain = plainValues.find((known) => known === name);
  if (plain) return { value: { kind: plain }, filter };
  const path = /^claims\.([^\s{}|]+)$/.exec(name)?.[1];
  if (path !== undefined) return { value: { kind: 'claim', path }, filter };
  throw new TemplateSyntaxError(
    `{${source}} is not known; there are ${plainValues.map((known) => `{${known}}`).join(', ')}, {claims.<name>}`,
  );
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
