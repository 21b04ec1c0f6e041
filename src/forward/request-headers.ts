import type { IncomingMessage } from 'node:http';
import type { Template } from '../config/template.ts';
import { connectionOptions, hopByHopHeaders } from './hop-by-hop.ts';
import { type CompiledTemplate, compileTemplate, type TemplateContext } from './template.ts';

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
  request: IncomingMessage,
  sender: Sender,
  context: TemplateContext,
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
  /** The upstream's own host and port, or undefined to keep the browser's. */
  upstreamHost: string | undefined;
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
  const injected: [name: string, value: CompiledTemplate][] = [];
  for (const [name, template] of route.templates) {
    if (template !== null) injected.push([name, compileTemplate(template)]);
  }

  return (request, sender, context) => {
    const { rawHeaders } = request;
    const connection = connectionOptions(request.headers.connection);
    const headers: RawHeaders = ['host', route.upstreamHost ?? sender.host];
    let forwardedFor = sender.address;
    let sawHost = false;
    let sawProto = false;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] as string;
      const value = rawHeaders[at + 1] as string;
      const treatment = treat(name);
      if (treatment === 'drop' || treatment === 'host') continue;
      if (treatment === 'pass') {
        // Content-Length frames the body: a client cannot name it away.
        if (connection?.has(name.toLowerCase()) && name.toLowerCase() !== 'content-length') continue;
        headers.push(name, value);
      } else if (treatment === 'cookie') {
        const cookies = withoutOwnCookies(value, policy);
        if (cookies !== '') headers.push(name, cookies);
      } else if (sender.trusted) {
        const lower = name.toLowerCase();
        if (lower === 'x-forwarded-for') forwardedFor = `${value}, ${sender.address}`;
        else if (lower !== 'x-request-id') headers.push(name, value);
        sawHost ||= lower === 'x-forwarded-host';
        sawProto ||= lower === 'x-forwarded-proto';
      }
    }
    headers.push('x-forwarded-for', forwardedFor);
    if (!sawHost) headers.push('x-forwarded-host', sender.host);
    if (!sawProto) headers.push('x-forwarded-proto', sender.scheme);
    headers.push('x-request-id', context.requestId);
    for (const [name, template] of injected) {
      const value = template(context);
      if (value !== undefined) headers.push(name, value);
    }
    return headers;
  };
}

function withoutOwnCookies(header: string, { ownsCookie }: HeaderPolicy): string {
  const pairs = header.split(';');
  const foreign = pairs.filter((pair) => {
    const equals = pair.indexOf('=');
    return !ownsCookie((equals < 0 ? pair : pair.slice(0, equals)).trim());
  });
  return foreign.length === pairs.length ? header : foreign.join(';').trim();
}
