import { hiderOf } from '../observe/known-secrets.ts';
import { asMap, type DocumentMap, isMap } from './document.ts';
import type { Filled } from './interpolate.ts';
import { type JsonSchema, listForm, members, schemaAt } from './json-schema.ts';
import type { ConfigPath } from './problems.ts';
import { localStores } from './schema/session.ts';
import { isTemplatePath, mask } from './secrets.ts';
import { parseTemplate, TemplateSyntaxError } from './template.ts';

/** A configuration as it may be shown: in the form of a file, with defaults and without secrets. */
export type ShownConfig = DocumentMap;

export interface ShownNeeds {
  schema: JsonSchema;
  /** What was filled in where. */
  filled: readonly Filled[];
  /** The environment variable that a value came from, by its path joined with dots. */
  origins: ReadonlyMap<string, string>;
  /** Known secrets, which are looked for in whatever is left. */
  secrets: readonly string[];
}

/**
 * The document in the one form that the gateway knows, with defaults filled in. It is made of texts, never of what they
 * were read into, and what no schema describes is not shown. Masked are: secret keys; what `${}` put into templates
 * and into maps of free texts; whatever came out of a file by `${file:}` or `…_FILE`; user names, passwords and queries
 * of addresses; credentials that stand in a header; and known secrets, wherever else they are.
 * @param document valid, with `***` for what was filled into templates
 */
export function showConfig(document: unknown, { schema, filled, origins, secrets }: ShownNeeds): ShownConfig {
  const hide = hiderOf(secrets);
  const ofFiles = [...origins].flatMap(([path, name]) => (name.endsWith('_FILE') ? [path] : []));
  const hidden = new Set([...ofFiles, ...filled.filter(isHidden).map(({ path }) => path.join('.'))]);
  function isHidden({ path, isOfFile }: Filled): boolean {
    return !isTemplatePath(path) && (isOfFile || isInFreeMap(schema, path));
  }
  const show = (value: unknown, of: JsonSchema | undefined, path: ConfigPath): unknown => {
    if (of === undefined) return mask;
    if (value === undefined) return of.default === undefined ? undefined : show(of.default, of, path);
    if (value === null) return null;
    if (of.secret) return maskSecret(value);
    if (hidden.has(path.join('.'))) return mask;
    if (Array.isArray(value)) return value.map((item, at) => show(item, listForm(of)?.items, [...path, at]));
    if (isMap(value)) return showMap(value, of, path);
    return typeof value === 'string' ? showText(value, of, path) : value;
  };

  const showText = (value: string, of: JsonSchema, path: ConfigPath): unknown => {
    if (of.short !== undefined) return showMap({ [of.short]: value }, of, path);
    return hide(isTemplatePath(path) ? maskCredentials(value, path) : maskAddress(value));
  };
  const showMap = (map: DocumentMap, of: JsonSchema, path: ConfigPath): DocumentMap => {
    const known = members(of);
    const names = known.length > 0 ? known.map(([name]) => name) : Object.keys(map);
    const entries = names.map((name) => {
      const below = schemaAt(of, [name]);
      return [name, show(Object.hasOwn(map, name) ? map[name] : undefined, below, [...path, name])] as const;
    });
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  };
  return inOneForm(showMap(asMap(document), schema, []), (route) => {
    const of = schemaAt(schema, ['routes', 0]) ?? {};
    return showMap(route, of, ['routes', Number.POSITIVE_INFINITY]);
  });
}

/** As `normalise` does it: all providers by their names, and all routes in their list. */
function inOneForm(
  { provider, providers, upstream, routes, ...rest }: DocumentMap,
  show: (route: DocumentMap) => DocumentMap,
): DocumentMap {
  const listed = Array.isArray(routes) ? (routes as unknown[]) : [];
  return {
    ...rest,
    providers: { ...(provider !== undefined && { default: provider }), ...asMap(providers) },
    routes: upstream === undefined ? listed : [...listed, show({ upstream })],
  };
}

/** Whether a value stands in a map whose keys the file chooses, and may be any text there. */
function isInFreeMap(schema: JsonSchema, path: ConfigPath): boolean {
  return path.some((_, at) => {
    const around = at === 0 ? undefined : schemaAt(schema, path.slice(0, at));
    const each = around?.additionalProperties;
    return typeof each === 'object' && members(each).length === 0;
  });
}

/** Of an address what is no secret; anything else is one as a whole. */
function maskSecret(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskSecret);
  if (typeof value !== 'string') return mask;
  if (value === 'off' || localStores.some((kind) => kind === value)) return value;
  const [, scheme, login = '', place] =
    /^((?:rediss?(?:\+[a-z]+)?|https?):\/\/)([^@\s]*@)?([^@?#\s]+)$/.exec(value) ?? [];
  if (scheme === undefined || place === undefined) return mask;
  return `${scheme}${login === '' ? '' : `${mask}@`}${place}`;
}

/** An address without what may give its reader rights: user name and password, and the values of its query. */
function maskAddress(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  const [, place = '', query = '', fragment = ''] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(text) ?? [];
  const bare = place.replace(/^([^/]*\/\/)[^/]*@/, `$1${mask}@`);
  const names = query.slice(1).split('&');
  const pairs = names.map((pair) =>
    pair.includes('=') ? `${pair.slice(0, pair.indexOf('='))}=${mask}` : mask,
  );
  return bare + (query === '' ? '' : `?${pairs.join('&')}`) + (fragment === '' ? '' : `#${mask}`);
}

/** The fields whose value is for nothing but credentials (RFC 9110 §11.6.2 and §11.7.2). */
const credentialFields: ReadonlySet<unknown> = new Set(['authorization', 'proxy-authorization']);

/** A header template; of one that carries credentials, only the scheme and what is different for each request. */
function maskCredentials(text: string, path: ConfigPath): string {
  if (!credentialFields.has(String(path.at(-1)).toLowerCase())) return text;
  try {
    const literals = parseTemplate(text).filter((part) => typeof part === 'string');
    return literals.every((part) => /^[A-Za-z]+ $/.test(part)) ? text : mask;
  } catch (error) {
    if (error instanceof TemplateSyntaxError) return mask;
    throw error;
  }
}
