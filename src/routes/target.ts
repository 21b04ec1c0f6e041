import { GatewayError } from '../errors.ts';
import type { Inbound } from '../listen/inbound.ts';
import { text } from '../pages/texts/text.ts';

/** What a request asks for, read once from its first line and its Host. */
export interface RequestTarget {
  /** The path as it came, byte for byte, and as it goes upstream. */
  path: string;
  /** The query as it came, with its `?`; empty without one. */
  query: string;
  /** The host name in lower case, without port and trailing dot. */
  hostname: string;
  /** Host and port as the request named them. */
  host: string;
}

const hostPattern = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::(\d{1,5}))?$/;

/**
 * Reads the request target (RFC 9112 §3.2) and the host. Throws GatewayError 400 where it is malformed, or
 * where two readers could see two different hosts.
 */
export function readTarget(
  request: Pick<Inbound, 'url' | 'rawHeaders' | 'headers'>,
  forwardedHost: string | undefined,
): RequestTarget {
  const url = request.url ?? '';
  const host = readHost(request, forwardedHost);
  let pathAndQuery = url;
  if (!url.startsWith('/')) {
    const absolute = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(url);
    if (absolute?.[1] === undefined) throw new GatewayError('malformed_target');
    // RFC 9112 §3.2.2 lets the target win over Host; that the two agree leaves nothing to win.
    if (absolute[1].toLowerCase() !== request.headers.host?.toLowerCase()) {
      throw new GatewayError('ambiguous_host', { detail: text('detail.host_differs') });
    }
    const rest = absolute[2] ?? '';
    pathAndQuery = rest.startsWith('/') ? rest : `/${rest}`;
  }
  return makeTarget(pathAndQuery, host);
}

/** RFC 1035 §2.3.4; looking up a longer one would cost more, label by label. */
const longestHostname = 253;

/**
 * The target of a path with its query and a host. Throws GatewayError 400 where they are malformed.
 */
export function makeTarget(pathAndQuery: string, host: string): RequestTarget {
  const hostname = hostnameOf(host);
  if (hostname === undefined) throw new GatewayError('ambiguous_host');
  if (!pathAndQuery.startsWith('/')) throw new GatewayError('malformed_target');
  // A fragment never travels in a request; who sends one wants two readers to disagree.
  if (pathAndQuery.includes('#') || hasControlCharacter(pathAndQuery))
    throw new GatewayError('malformed_target');
  const mark = pathAndQuery.indexOf('?');
  return {
    path: mark < 0 ? pathAndQuery : pathAndQuery.slice(0, mark),
    query: mark < 0 ? '' : pathAndQuery.slice(mark),
    host,
    hostname,
  };
}

/** Nearly every host: in lower case, without a trailing dot. */
const plainHost = /^[a-z0-9.-]*[a-z0-9-](?::\d{1,5})?$/;

/** The name in lower case, without port and trailing dot; undefined for what is no host. */
function hostnameOf(host: string): string | undefined {
  const hostname = plainHost.test(host) ? withoutPort(host) : oddHostname(host);
  return hostname === undefined || hostname.length > longestHostname ? undefined : hostname;
}

function withoutPort(host: string): string {
  const colon = host.indexOf(':');
  return colon < 0 ? host : host.slice(0, colon);
}

function oddHostname(host: string): string | undefined {
  return hostPattern.exec(host)?.[1]?.toLowerCase().replace(/\.$/, '');
}

function hasControlCharacter(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === 0x7f) return true;
  }
  return false;
}

function readHost(
  { rawHeaders, headers }: Pick<Inbound, 'rawHeaders' | 'headers'>,
  forwarded: string | undefined,
): string {
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name !== undefined && name.length === 4 && name.toLowerCase() === 'host') seen++;
  }
  // RFC 9112 §3.2: none (in HTTP/1.1) or several are refused, whatever they say.
  const host = forwarded ?? headers.host;
  if (seen !== 1 || host === undefined) throw new GatewayError('ambiguous_host');
  return host;
}
