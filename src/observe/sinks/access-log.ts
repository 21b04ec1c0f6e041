import type { ToldOf } from '../events.ts';
import { decisionOf, userAgentOf } from '../facts.ts';
import type { ObservedExchange } from '../observed-exchange.ts';
import { withoutCredentials } from '../scrub.ts';
import { cutText, quoted } from './quoted.ts';

/** What of the lines of requests is written, as `logging.access` says. */
export interface AccessOptions {
  skip: readonly SkipEntry[];
  /** Which share of successful requests has a line. */
  sample: number;
  /** Request headers that are in the lines, by name. */
  headers: readonly string[];
}

/** A request has no line where all that stands here fits it. */
export interface SkipEntry {
  /** The path itself, and all below it. */
  path?: string | undefined;
  /** A status; or a class of them, as its first digit. */
  status?: { exactly: number } | { class: number } | undefined;
  /** `*` stands for any text. */
  userAgent?: string | undefined;
}

type RequestEvent = ToldOf<'request-finished' | 'request-left' | 'websocket-closed'>;

export interface AccessLog {
  /** Whether this request has lines. The same for each of its events, so far as its status does not tell. */
  takes(event: RequestEvent, status: number): boolean;
  /** The headers as the last field of a line, with the comma before it; empty where none are wanted. */
  headers(exchange: ObservedExchange): string;
}

export function compileAccess({ skip, sample, headers }: AccessOptions): AccessLog {
  const skips = skip.map(compileSkip);
  const names = headers.map((name) => name.toLowerCase());
  return {
    takes({ exchange }, status) {
      for (const isSkipped of skips) if (isSkipped(exchange, status)) return false;
      return sample >= 1 || isWorthALine(exchange, status) || shareOf(exchange.requestId) < sample;
    },
    headers: (exchange) => (names.length === 0 ? '' : headersField(exchange, names)),
  };
}

/** What went wrong, or was refused, is never left to chance. */
function isWorthALine(exchange: ObservedExchange, status: number): boolean {
  if (status >= 400) return true;
  const decision = decisionOf(exchange);
  return decision === 'deny' || decision === 'refuse';
}

/**
 * A number from 0 up to 1 that is always the same for a request id: all lines of a request agree, and so do gateways
 * that stand behind each other. FNV-1a, whose last step spreads ids that differ in little.
 */
export function shareOf(requestId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < requestId.length; at++) hash = Math.imul(hash ^ requestId.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

type Skips = (exchange: ObservedExchange, status: number) => boolean;

function compileSkip({ path, status, userAgent }: SkipEntry): Skips {
  const isPath = path === undefined ? undefined : below(path);
  const isAgent = userAgent === undefined ? undefined : compileGlob(userAgent);
  return (exchange, given) => {
    if (status && ('exactly' in status ? given !== status.exactly : Math.floor(given / 100) !== status.class))
      return false;
    if (isPath) {
      const { destination } = exchange;
      if ('error' in destination || !isPath(destination.target.path)) return false;
    }
    return isAgent === undefined || isAgent(userAgentOf(exchange) ?? '');
  };
}

/** What some reader may take for another place is not below: nobody hides a request by spelling it oddly. */
const plainPath = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()*+,=:@-]+)*\/?$/;

function below(path: string): (asked: string) => boolean {
  const start = path.replace(/\/+$/, '');
  return (asked) =>
    asked === path || asked === start || (asked.startsWith(`${start}/`) && plainPath.test(asked));
}

/** Looks for the pieces between the asterisks one after the other: it takes no longer for a text that is made to. */
export function compileGlob(pattern: string): (text: string) => boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return (text) => text === pattern;
  return (text) => {
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const piece of rest) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return text.length - last.length >= at && text.endsWith(last);
  };
}

/** A value is cut at this, in characters. */
const longestHeader = 256;

function headersField({ request }: ObservedExchange, names: readonly string[]): string {
  const { rawHeaders = [] } = request;
  let fields = '';
  for (const name of names) {
    let value: string | undefined;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      if (rawHeaders[at]?.toLowerCase() !== name) continue;
      const line = rawHeaders[at + 1] ?? '';
      value = value === undefined ? line : `${value}, ${line}`;
    }
    if (value === undefined) continue;
    const shown = cutText(withoutCredentials(value), longestHeader);
    fields += `${fields === '' ? '' : ','}${quoted(name)}:${quoted(shown)}`;
  }
  return fields === '' ? '' : `,"headers":{${fields}}`;
}
