import type { Placeholder, Template, TemplateFilter, TemplateValue } from '../config/template.ts';

/** The values that header templates may name, for one request. */
export interface TemplateContext {
  requestId: string;
  /** The person, when there is one. */
  person: TemplatePerson | undefined;
  /** The address of the client; undefined where the front does not say it. */
  clientAddress?: string | undefined;
  /** The access token that was got for the upstream, where its route asks for one. */
  token?: string | undefined;
}

export interface TemplatePerson {
  /** Undefined for one that is bound to a key of the gateway: nobody else can use it. */
  accessToken: string | undefined;
  idToken: string | undefined;
  /** Undefined for a client that brings a token of its own. */
  sessionId: string | undefined;
  /** The name of the provider that says who it is, where that is configured. */
  provider: string | undefined;
  user: string;
  email: string | undefined;
  name: string | undefined;
  groups: readonly string[];
  /** Claims by their dotted path. */
  claims: Readonly<Record<string, unknown>>;
}

/** Every value that a template names. */
export function valuesOf(template: Template): TemplateValue[] {
  return template.flatMap((part) => {
    if (typeof part === 'string') return [];
    const { value } = part;
    return value.kind === 'credentials'
      ? [...valuesOf(value.username), ...valuesOf(value.password)]
      : [value];
  });
}

/** Whether a template names anything that is not the same whoever asks. */
export function namesPerson(template: Template): boolean {
  return valuesOf(template).some(({ kind }) => kind !== 'request.id');
}

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
  const apply = filter === undefined ? (tokens.has(value.kind) ? tokenText : headerText) : filters[filter];
  return (context) => {
    const raw = read(context);
    return raw === undefined || raw === null ? undefined : apply(raw);
  };
}

function compileValue(value: TemplateValue): (context: TemplateContext) => unknown {
  switch (value.kind) {
    case 'access_token':
      return ({ person }) => person?.accessToken;
    case 'id_token':
      return ({ person }) => person?.idToken;
    case 'token':
      return ({ token }) => token;
    case 'session.id':
      return ({ person }) => person?.sessionId;
    case 'provider':
    case 'user':
    case 'email':
    case 'name':
    case 'groups': {
      const { kind } = value;
      return ({ person }) => person?.[kind];
    }
    case 'request.id':
      return ({ requestId }) => requestId;
    case 'client.address':
      return ({ clientAddress }) => clientAddress;
    case 'claim':
      return ({ person }) => person?.claims[value.path];
    case 'credentials': {
      const username = compileText(value.username);
      const password = compileText(value.password);
      return (context) => {
        const name = username(context);
        // RFC 7617 §2: a colon would end the name early, and so name somebody else.
        if (name === undefined || name.includes(':')) return;
        const secret = password(context);
        return secret === undefined ? undefined : `${name}:${secret}`;
      };
    }
  }
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
  const apply = filter === undefined ? plainText : filters[filter];
  return (context) => {
    const raw = read(context);
    return raw === undefined || raw === null ? undefined : apply(raw);
  };
}

/** A claim as text: lists as their items with commas between, structures as JSON. */
function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(itemText).join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** An item of a list: a comma in it must not end it, and `%` not begin what its reader decodes. */
function itemText(item: unknown): string {
  return plainText(item).replace(/[%,]/g, encodeURIComponent);
}

const filters: Readonly<Record<TemplateFilter, (value: unknown) => string | undefined>> = {
  base64: (value) => Buffer.from(plainText(value), 'utf8').toString('base64'),
  uri: (value) => encodeURIComponent(plainText(value).toWellFormed()),
  json: (value) => asciiJson(value),
};

/** JSON in ASCII: other characters as `\u` escapes, which JSON readers undo. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const tokens: ReadonlySet<TemplateValue['kind']> = new Set(['access_token', 'id_token', 'token']);

/** A token is sent as it came; what no token holds (RFC 6750 §2.1) must still not end a header. */
function tokenText(value: unknown): string | undefined {
  const text = plainText(value);
  return text === '' ? undefined : encodeOutside(text);
}

/**
 * A value without filter. Readers take white space off the ends of a header and disagree on what is outside visible
 * ASCII, so that one name could become another's; both are percent-encoded as UTF-8. A `%` that would then be read as
 * the beginning of an escape is encoded too: decoding gives each value back, and no two have the same text.
 */
function headerText(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const list = value.map((item) => encodeEnds(encodeOutside(itemText(item)))).join(',');
    return list === '' ? undefined : list;
  }
  const text = plainText(value);
  if (text === '') return undefined;
  const isPlain = !outsideHeader.test(text) && !/^ | $/.test(text);
  if (isPlain) return text.replace(/%(?=[0-9A-Fa-f]{2})/g, '%25');
  return encodeEnds(encodeOutside(text.replaceAll('%', '%25')));
}

const outsideHeader = /[^\x20-\x7e]/;
const outsideHeaders = /[^\x20-\x7e]+/gu;

const encodeOutside = (text: string) => text.toWellFormed().replace(outsideHeaders, encodeURIComponent);

const encodeEnds = (text: string) => text.replace(/^ +| +$/g, encodeURIComponent);
