import type { Trailers } from '../listen/inbound.ts';
import type { RawHeaders } from './request-headers.ts';
import { latin1 } from './response-headers.ts';

/** The head of an answer that has not been written yet. */
export interface AnswerHead {
  status: number;
  reason: string | undefined;
  headers: RawHeaders;
}

/**
 * The reason as it came, one character for each byte: the library reads it as UTF-8. Undefined for one of which bytes
 * were lost by that, or that no parser takes; nobody has to read it (RFC 9112 §4).
 */
export function reasonOf(text: string): string | undefined {
  if (/^[\t\x20-\x7e]*$/.test(text)) return text;
  const reason = Buffer.from(text, 'utf8').toString('latin1');
  return text.includes('\ufffd') || !/^[\t\x20-\x7e\x80-\xff]*$/.test(reason) ? undefined : reason;
}

/** The length is that of the answer which was not repeated (RFC 9110 §8.6). The library misses its bytes. */
const bodiless: ReadonlySet<number> = new Set([204, 304]);

/** Whether an answer that the library calls too short is whole. */
export const isWholeWithout = (status: number, error: Error): boolean =>
  bodiless.has(status) && (error as NodeJS.ErrnoException).code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';

/**
 * The trailers of an answer, as they go on.
 * @param raw names and values in turn, as HTTP/1.1 brings them, or the object that they are in HTTP/2
 */
export function trailersOf(raw: readonly (string | Buffer)[] | object): Trailers {
  if (!Array.isArray(raw)) return raw as Record<string, string | string[]>;
  const pairs: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) pairs.push([latin1(raw[at]), latin1(raw[at + 1])]);
  return pairs;
}
