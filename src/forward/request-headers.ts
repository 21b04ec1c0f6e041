import type { IncomingMessage } from 'node:http';
import type { Template, TemplateValue } from '../config/template.ts';
import { connectionOptions, hopByHopHeaders } from './hop-by-hop.ts';
import {
  type CompiledTemplate,
  compileTemplate,
  type TemplateContext,
  type TemplatePerson,
  valuesOf,
} from './template.ts';

/** What the gateway knows of the sender, for the X-Forwarded-* headers. */
export interface Sender {
  /** The address at the other end of the connection. */
  address: string;
  /** It is one of the trusted proxies, whose X-Forwarded-* go on. */
  trusted: boolean;
  /** Host, and scheme as browsers see it. */
  host: string;
  scheme: 'http' | 'https';
}

export interface HeaderPolicy {
  /** Every name that some route sets or removes; a client's copy is removed on all routes. */
  owned: ReadonlySet<string>;
  /** Tells the gateway's own cookies, which never go upstream. */
  ownsCookie(name: string): boolean;
}

/** The headers that go upstream: name, value, name, value. */
export type RawHeaders = string[];

export type RequestHeaderBuilder = (
  request: Pick<IncomingMessage, 'rawHeaders' | 'headers'>,
  sender: Sender,
  context: TemplateContext,
  /** The origin of the upstream. */
  origin: string,
) => RawHeaders;

/** What an untrusted client says about its own address, or that would move the request to another path. */
const forwardingHeaders: ReadonlySet<string> = new Set([
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-original-url',
  'x-original-uri',
  'x-original-host',
  'x-rewrite-url',
  'x-request-id',
]);

/** CGI, WSGI and PHP fold `-`, `_` and more into one character; names that become one there are one here. */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

type Treatment = 'drop' | 'forwarded' | 'cookie' | 'host' | 'pass';

function treatmentOf(name: string, { owned }: HeaderPolicy): Treatment {
  const lower = name.toLowerCase();
  const folded = foldName(name);
  if (hopByHopHeaders.has(lower) || owned.has(folded)) return 'drop';
  if (lower === 'host') return 'host';
  if (lower === 'cookie') return 'cookie';
  if (forwardingHeaders.has(folded) || folded.startsWith('x-forwarded-')) {
    // Only the usual spelling counts as forwarding information; another one is a forgery.
    return lower === folded ? 'forwarded' : 'drop';
  }
  return 'pass';
}

/** Clients invent names; remembering a bounded number of them keeps the common ones at one look-up each. */
const mostRememberedNames = 1000;

export interface RouteHeaders {
  /** Templates by name; null removes. */
  templates: ReadonlyMap<string, Template | null>;
  /** Headers whose values are not templates, such as the signed assertion. */
  computed: readonly (readonly [name: string, value: CompiledTemplate])[] | undefined;
  /** The browser's Host goes upstream instead of the upstream's own. */
  preserveHost: boolean;
  /** The path that is taken off, for X-Forwarded-Prefix. */
  prefix: string | undefined;
}

/** Compiles, for one route, the function that makes the headers of the upstream request in one pass. */
export function compileRequestHeaders(policy: HeaderPolicy, route: RouteHeaders): RequestHeaderBuilder {
  const remembered = new Map<string, Treatment>();
  const treat = (name: string): Treatment => {
    const known = remembered.get(name);
    if (known !== undefined) return known;
    const treatment = treatmentOf(name, policy);
    if (remembered.size < mostRememberedNames) remembered.set(name, treatment);
    return treatment;
  };
  const inject = compileInjection(route.templates, route.computed);

  return (request, sender, context, origin) => {
    const { rawHeaders } = request;
    const connection = connectionOptions(request.headers.connection);
    const headers: RawHeaders = ['host', route.preserveHost ? sender.host : hostOf(origin)];
    const forwarding: ForwardingHeaders = { for: sender.address, host: sender.host, proto: sender.scheme };
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] as string;
      const value = rawHeaders[at + 1] as string;
      switch (treat(name)) {
        case 'pass':
          if (!connection || !isNamed(connection, name)) headers.push(name, value);
          break;
        case 'cookie':
          pushCookies(headers, name, value, policy);
          break;
        case 'forwarded':
          if (sender.trusted) takeForwarded(forwarding, headers, name, value, sender);
          break;
        case 'host':
        case 'drop':
          break;
      }
    }
    headers.push('x-forwarded-for', forwarding.for);
    headers.push('x-forwarded-host', forwarding.host, 'x-forwarded-proto', forwarding.proto);
    headers.push('x-request-id', context.requestId);
    if (route.prefix !== undefined) headers.push('x-forwarded-prefix', route.prefix);
    inject(headers, context);
    return headers;
  };
}

/** Compiles the headers that the gateway adds; those whose values are absent are left out. */
export function compileInjection(
  templates: ReadonlyMap<string, Template | null>,
  computed: RouteHeaders['computed'],
): (headers: RawHeaders, context: TemplateContext) => void {
  const ofPerson: [name: string, value: CompiledTemplate][] = [];
  const ofRequest: [name: string, value: CompiledTemplate][] = [];
  for (const [name, template] of templates) {
    if (template === null) continue;
    const isPersonal = valuesOf(template).every(({ kind }) => personal.has(kind));
    (isPersonal ? ofPerson : ofRequest).push([name, compileTemplate(template)]);
  }
  for (const [name, value] of computed ?? []) ofRequest.push([name, value]);

  // What depends on nothing but the person is the same on every request.
  const made = new WeakMap<TemplatePerson | typeof nobody, RawHeaders>();
  return (headers, context) => {
    const person = context.person ?? nobody;
    let same = made.get(person);
    if (!same) {
      same = [];
      evaluate(ofPerson, same, context);
      made.set(person, same);
    }
    for (const text of same) headers.push(text);
    if (ofRequest.length > 0) evaluate(ofRequest, headers, context);
  };
}

/** What depends on nothing but the person. */
const personal: ReadonlySet<TemplateValue['kind']> = new Set([
  'access_token',
  'id_token',
  'session.id',
  'provider',
  'user',
  'email',
  'name',
  'groups',
  'claim',
]);

/** Stands for the absence of a person. */
const nobody = {};

function evaluate(
  templates: readonly (readonly [name: string, value: CompiledTemplate])[],
  headers: RawHeaders,
  context: TemplateContext,
): void {
  for (const [name, template] of templates) {
    const value = template(context);
    if (value !== undefined) headers.push(name, value);
  }
}

/** Host and port of an origin. */
const hostOf = (origin: string): string => origin.slice(origin.indexOf('//') + 2);

/** Content-Length frames the body, so a client cannot name it away. */
function isNamed(connection: ReadonlySet<string>, name: string): boolean {
  const lower = name.toLowerCase();
  return lower !== 'content-length' && connection.has(lower);
}

interface ForwardingHeaders {
  for: string;
  host: string;
  proto: string;
}

/** What a trusted proxy says goes on; its own address joins the list of those that the request came through. */
function takeForwarded(
  forwarding: ForwardingHeaders,
  headers: RawHeaders,
  name: string,
  value: string,
  sender: Sender,
): void {
  switch (name.toLowerCase()) {
    case 'x-forwarded-for':
      forwarding.for = `${value}, ${sender.address}`;
      break;
    case 'x-forwarded-host':
      forwarding.host = value;
      break;
    case 'x-forwarded-proto':
      forwarding.proto = value;
      break;
    case 'x-request-id':
      break;
    default:
      headers.push(name, value);
  }
}

function pushCookies(headers: RawHeaders, name: string, value: string, policy: HeaderPolicy): void {
  const cookies = withoutOwnCookies(value, policy);
  if (cookies !== '') headers.push(name, cookies);
}

function withoutOwnCookies(header: string, { ownsCookie }: HeaderPolicy): string {
  let kept = '';
  let isWhole = true;
  for (let start = 0; start < header.length; ) {
    const semicolon = header.indexOf(';', start);
    const end = semicolon < 0 ? header.length : semicolon;
    const equals = header.indexOf('=', start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    if (ownsCookie(header.slice(start, nameEnd).trim())) isWhole = false;
    else kept += kept === '' ? header.slice(start, end) : `;${header.slice(start, end)}`;
    start = end + 1;
  }
  return isWhole ? header : kept.trim();
}
