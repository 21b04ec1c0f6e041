import { trimmed } from '../blanks.ts';
import { createBounded } from '../bounded.ts';
import type { Template } from '../config/template.ts';
import type { HeaderFields, Inbound } from '../listen/inbound.ts';
import { type Treatment, treatmentOf } from './client-headers.ts';
import { eachPair } from './cookie-pairs.ts';
import { connectionOptions } from './hop-by-hop.ts';
import { type CompiledTemplate, compileTemplate, isSameForPerson } from './template.ts';
import type { TemplateContext, TemplatePerson } from './template-values.ts';

/** What the gateway knows of the sender, for the X-Forwarded-* headers. */
export interface Sender {
  /** The address at the other end of the connection. */
  address: string;
  /** It is one of the trusted proxies, whose X-Forwarded-* go on. */
  trusted: boolean;
  /** The addresses that it says the request came through, as they go on in X-Forwarded-For; undefined for none. */
  via: string | undefined;
  /** The names, in lower case, of the further headers that it sets itself. */
  vouchesFor: ReadonlySet<string>;
  /** Host, and scheme as browsers see it. */
  host: string;
  scheme: 'http' | 'https';
}

export interface HeaderPolicy {
  /** Every name that some route sets or removes; a client's copy is removed on all routes. */
  owned: ReadonlySet<string>;
  /** Tells the gateway's own cookies, which never go upstream. */
  ownsCookie(name: string): boolean;
  /** Tells a pair of a Cookie header in which some reader could find one of them. */
  hidesOwnCookie(pair: string): boolean;
}

/** The headers that go upstream: name, value, name, value. */
export type RawHeaders = string[];

export type RequestHeaderBuilder = (
  request: Pick<Inbound, 'rawHeaders' | 'headers'>,
  sender: Sender,
  context: TemplateContext,
  /** The origin of the upstream. */
  origin: string,
  /** Path and query that the request writes to, for Destination. */
  writesTo?: string,
) => RawHeaders;

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
  const remembered = createBounded<string, Treatment>({ entries: mostRememberedNames, givesWay: 'newcomer' });
  const treat = (name: string): Treatment => {
    const known = remembered.peek(name);
    if (known !== undefined) return known;
    const treatment = treatmentOf(name, policy.owned);
    remembered.set(name, treatment);
    return treatment;
  };
  const inject = compileInjection(route.templates, route.computed);

  return (request, sender, context, origin, writesTo) => {
    const { rawHeaders } = request;
    const connection = connectionOptions(request.headers.connection);
    const host = route.preserveHost ? sender.host : hostOf(origin);
    const headers: RawHeaders = ['host', host];
    const forwarding: ForwardingHeaders = { proto: sender.scheme, prefix: route.prefix };
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
          if (sender.trusted) takeForwarded(forwarding, headers, name, value, request.headers);
          break;
        case 'vouched':
          if (sender.vouchesFor.has(name.toLowerCase())) headers.push(name, value);
          break;
        case 'destination':
          headers.push(name, destinationFor(origin, host, writesTo) ?? value);
          break;
        case 'host':
        case 'drop':
          break;
      }
    }
    headers.push('x-forwarded-for', cameThrough(sender));
    headers.push('x-forwarded-host', sender.host, 'x-forwarded-proto', forwarding.proto);
    headers.push('x-request-id', context.requestId);
    if (forwarding.prefix !== undefined) headers.push('x-forwarded-prefix', forwarding.prefix);
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
    (isSameForPerson(template) ? ofPerson : ofRequest).push([name, compileTemplate(template)]);
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

/** An application compares scheme and host of Destination with those that it was asked by. */
const destinationFor = (origin: string, host: string, writesTo: string | undefined): string | undefined =>
  writesTo && `${origin.slice(0, origin.indexOf(':'))}://${host}${writesTo}`;

/** Content-Length frames the body, so a client cannot name it away. */
function isNamed(connection: ReadonlySet<string>, name: string): boolean {
  const lower = name.toLowerCase();
  return lower !== 'content-length' && connection.has(lower);
}

interface ForwardingHeaders {
  proto: string;
  prefix: string | undefined;
}

/** The list for X-Forwarded-For, to which each proxy adds the address that it saw; a Unix socket has none. */
function cameThrough({ address, via }: Sender): string {
  if (address === 'unix') return via ?? 'unknown';
  return via === undefined ? address : `${via}, ${address}`;
}

/** What a trusted proxy says goes on. The addresses and the host are read before, so that all go by one reading. */
function takeForwarded(
  forwarding: ForwardingHeaders,
  headers: RawHeaders,
  name: string,
  value: string,
  all: HeaderFields,
): void {
  const lower = name.toLowerCase();
  switch (lower) {
    case 'x-forwarded-for':
    case 'x-forwarded-host':
      break;
    case 'x-forwarded-proto':
      // Several lines are one list, which Node has joined.
      forwarding.proto = textOf(all[lower]) ?? forwarding.proto;
      break;
    case 'x-forwarded-prefix':
      // Who asks for the path that was taken off here stands behind the one that was taken off before.
      if (forwarding.prefix !== undefined && value.startsWith('/')) {
        forwarding.prefix = value.replace(/(?<!\/)\/+$/, '') + forwarding.prefix;
      } else if (forwarding.prefix === undefined) {
        headers.push(name, value);
      }
      break;
    default:
      headers.push(name, value);
  }
}

const textOf = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

function pushCookies(headers: RawHeaders, name: string, value: string, policy: HeaderPolicy): void {
  const cookies = withoutOwnCookies(value, policy);
  if (cookies !== '') headers.push(name, cookies);
}

function withoutOwnCookies(header: string, { ownsCookie, hidesOwnCookie }: HeaderPolicy): string {
  let kept = '';
  let isWhole = true;
  eachPair(header, (start, equals, end) => {
    const pair = header.slice(start, end);
    if (ownsCookie(trimmed(header, start, equals)) || hidesOwnCookie(pair)) isWhole = false;
    else kept += kept === '' ? pair : `;${pair}`;
  });
  return isWhole ? header : trimmed(kept, 0, kept.length);
}
