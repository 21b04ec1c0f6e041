import { isIP } from 'node:net';
import { trimmed } from '../blanks.ts';

/**
 * What fronts write about the addresses that a request came through: `X-Forwarded-For`, and `Forwarded` (RFC 7239).
 * Each appends what it saw, in a spelling of its own.
 */

/** `1.2.3.4`, `"1.2.3.4:5"`, `[2001:db8::1]:5`; RFC 7239 §6 lets a port be a name that begins with `_`. */
const entryPattern = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.~-]+)?)\]|([0-9.]+))(?::(?:\d{1,5}|_[\w.-]+))?$/;

/**
 * The address of one entry, in one spelling: without port, brackets, quotes and zone, an IPv4 address that is
 * written as IPv6 as IPv4. Undefined for what is none: `unknown`, a name, nothing at all.
 */
export function addressOf(entry: string): string | undefined {
  let text = trimmed(entry);
  if (text.length > 1 && text.startsWith('"') && text.endsWith('"')) text = text.slice(1, -1);
  const [, bracketed, dotted] = entryPattern.exec(text) ?? [];
  if (dotted !== undefined) return isIP(dotted) === 4 ? dotted : undefined;
  return ipv6(bracketed ?? text);
}

/** RFC 5952 form, so that one address has one spelling; IPv4 where it only stands for that (RFC 4291 §2.5.5.2). */
function ipv6(text: string): string | undefined {
  const address = text.replace(/%[\w.~-]+$/, '');
  if (isIP(address) !== 6) return undefined;
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  const bytes = [high, low].flatMap((half) => {
    const value = Number.parseInt(half, 16);
    return [value >> 8, value & 255];
  });
  return bytes.join('.');
}

/** The address at the other end of a connection, in the same spelling; empty where there is none. */
export function peerAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.includes(':') ? (ipv6(address) ?? '') : address;
}

/** The entries of X-Forwarded-For, whose lines Node has joined. */
export function forwardedForEntries(header: string): string[] {
  return header.split(',');
}

/** The values of `for` of a Forwarded header, one for each element; empty where an element has none. */
export function forwardedEntries(header: string): string[] {
  const element = /[ \t]*(?:([^\s,;="]+)=("(?:[^"\\]|\\.)*"|[^\s,;"]*))?[ \t]*([,;]|$)/y;
  const entries: string[] = [];
  let current = '';
  for (;;) {
    const match = element.exec(header);
    // What is malformed may hide where the next element begins, so nothing of it is known.
    if (!match) return [''];
    const [, name, value = '', end] = match;
    if (name?.toLowerCase() === 'for') {
      current = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
    }
    if (end === ';') continue;
    entries.push(current);
    current = '';
    if (end === '') return entries;
  }
}
