import { bytesOutOf, clientOf, userAgentOf, userOf } from '../facts.ts';
import type { ObservedExchange } from '../observed-exchange.ts';
import { cutText } from './quoted.ts';
import { longestAgent } from './request-line.ts';

/** The line of a request in the combined format of Apache, which is that of nginx too. */
export interface CombinedLines {
  /** @param now when it ended, in milliseconds since the epoch */
  lineOf(exchange: ObservedExchange, status: number, durationMs: number, now: number): string;
}

const longestPath = 2048;

/**
 * `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"`. `%t` is when the request came, in UTC. Neither the request
 * line nor the Referer has a query, since that may hold secrets. What is unknown is `-`.
 */
export function createCombinedLines(): CombinedLines {
  let lastSecond = Number.NaN;
  let lastText = '';
  const timeOf = (ms: number) => {
    const second = Math.floor(ms / 1000);
    if (second !== lastSecond) {
      lastSecond = second;
      lastText = timeText(new Date(second * 1000));
    }
    return lastText;
  };
  return {
    lineOf(exchange, status, durationMs, now) {
      const { peer, subject, request } = exchange;
      const user = userOf(exchange) ?? subject;
      const referer = request.headers?.referer;
      const bytes = bytesOutOf(exchange);
      return (
        `${word(clientOf(exchange) ?? peer.address)} - ${word(user)} [${timeOf(now - durationMs)}] ` +
        `"${requestLine(exchange)}" ${status} ${bytes === 0 ? '-' : bytes} ` +
        `"${text(typeof referer === 'string' ? referer.replace(/[?#].*$/s, '') : undefined, longestPath)}" ` +
        `"${text(userAgentOf(exchange), longestAgent)}"\n`
      );
    },
  };
}

function requestLine({ method, destination, request }: ObservedExchange): string {
  if (method === '') return '-';
  const path = 'error' in destination ? '-' : destination.target.path;
  return `${escaped(method)} ${text(path, longestPath).replaceAll(' ', '\\x20')} HTTP/${request.httpVersion ?? '1.1'}`;
}

/** Between blanks: one inside of it, or what opens the time, would make other fields of it. */
function word(value: string | undefined): string {
  if (value === undefined || value === '') return '-';
  return escaped(cutText(value, longestAgent)).replace(/[ [\]]/g, hex);
}

/** Between quotes. */
const text = (value: string | undefined, longest: number): string =>
  value === undefined || value === '' ? '-' : escaped(cutText(value, longest));

/** As Apache does: quotes and backslashes with a backslash, what is no visible ASCII as its bytes of UTF-8. */
function escaped(value: string): string {
  if (!/[^\x20\x21\x23-\x5b\x5d-\x7e]/.test(value)) return value;
  return value.replace(/["\\]/g, '\\$&').replace(/[^\x20-\x7e]/gu, (one) => {
    let bytes = '';
    for (const byte of Buffer.from(one.toWellFormed(), 'utf8')) bytes += hexByte(byte);
    return bytes;
  });
}

const hex = (one: string) => hexByte(one.charCodeAt(0));
const hexByte = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (number: number) => String(number).padStart(2, '0');

function timeText(at: Date): string {
  const day = `${two(at.getUTCDate())}/${months[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}
