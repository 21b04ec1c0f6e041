import { fastifyCookie } from '@fastify/cookie';
import { trimmed } from '../blanks.ts';
import { eachPair } from '../forward/cookie-pairs.ts';

/** Browsers refuse a cookie whose name and value pass 4096 bytes (RFC 6265bis §5.7); some count attributes too. */
const largestCookieBytes = 4096;
/** Eight cookies of 4 KiB: beyond that the header limits of common front ends refuse every request. */
const mostChunks = 8;
/** Each candidate costs a decryption; nobody has so many cookies of one name by accident. */
const mostCandidates = 16;

export interface CookieAttributes {
  secure: boolean;
  sameSite: 'lax' | 'strict' | 'none';
  path: string;
  domain: string | undefined;
  /** Kept apart for each site that frames this one (CHIPS). */
  partitioned?: boolean;
}

export interface Cookie {
  name: string;
  value: string;
}

/**
 * The cookies of a Cookie header, in order, with duplicates: of two cookies with one name the one that opens
 * counts, so none may be dropped here. Values are taken as they are, without percent-decoding.
 */
export function parseCookies(header: string | undefined): Cookie[] {
  if (header === undefined) return [];
  const cookies: Cookie[] = [];
  eachPair(header, (start, equals, end) => {
    const name = trimmed(header, start, equals);
    if (equals < end && name !== '') cookies.push({ name, value: trimmed(header, equals + 1, end) });
  });
  return cookies;
}

/**
 * A Set-Cookie value. Without `maxAge` (seconds) the cookie ends with the browser session. Each line of the gateway's own
 * is made here, by @fastify/cookie: it throws where something may not stand in one. It is ready once the plugin is
 * registered, which the server is opened with (src/request/transports/http.ts).
 */
export function setCookie({ name, value }: Cookie, attributes: CookieAttributes, maxAge?: number): string {
  return fastifyCookie.serialize(name, value, {
    path: attributes.path,
    ...(attributes.domain !== undefined && { domain: attributes.domain }),
    httpOnly: true,
    secure: attributes.secure,
    sameSite: attributes.sameSite,
    ...(attributes.partitioned && { partitioned: true }),
    ...(maxAge !== undefined && { maxAge }),
    // Values are base64url and a few ASCII letters: nothing to escape.
    encode: (plain) => plain,
  });
}

/** A Set-Cookie value that makes the browser drop a cookie of the gateway's: same name, path, domain and security. */
export function expireCookie(name: string, attributes: CookieAttributes): string {
  return setCookie({ name, value: '' }, attributes, 0);
}

/** RFC 6265 §4.1.1: the name of a cookie is a token. */
const writableName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Set-Cookie values that make the browser drop these. Names come from a request here: one that nobody can write
 * into a header stays, as a cookie that means nothing.
 */
export function expireCookies(names: Iterable<string>, attributes: CookieAttributes): string[] {
  return [...new Set(names)]
    .filter((name) => writableName.test(name))
    .map((name) => expireCookie(name, attributes));
}

/** The name of one of a cookie's chunks; the first has the cookie's own. */
export const chunkName = (name: string, index: number) => (index === 0 ? name : `${name}.${index}`);

/** The number of chunks, which the first of them begins with; 0 where it does not. */
export function chunkCount(first: string): number {
  const count = first.charCodeAt(0) - 0x30;
  return count >= 1 && count <= mostChunks ? count : 0;
}

/**
 * Splits a value over cookies of at most 4096 bytes each, name and attributes included. The first starts with
 * the number of chunks. Undefined when the value is too large for that.
 */
export function splitIntoChunks(
  name: string,
  value: string,
  attributes: CookieAttributes,
  maxAge?: number,
): Cookie[] | undefined {
  const overhead = setCookie({ name: chunkName(name, mostChunks), value: '' }, attributes, maxAge).length;
  const capacity = largestCookieBytes - overhead;
  const count = Math.ceil((value.length + 1) / capacity);
  if (count > mostChunks) return undefined;
  const marked = `${count}${value}`;
  return Array.from({ length: count }, (_, index) => ({
    name: chunkName(name, index),
    value: marked.slice(index * capacity, (index + 1) * capacity),
  }));
}

/**
 * The values that the chunks in a request may stand for. Usually one; several where a name came more than once
 * (a wider domain or a longer path): the caller takes the one that opens. Chunks that are missing give none.
 */
export function* joinChunks(name: string, cookies: readonly Cookie[]): Generator<string> {
  let offered = 0;
  for (const value of candidates(name, cookies)) {
    yield value;
    if (++offered === mostCandidates) return;
  }
}

function* candidates(name: string, cookies: readonly Cookie[]): Generator<string> {
  let rest: readonly string[][] | undefined;
  for (const first of cookies) {
    if (first.name !== name) continue;
    const count = chunkCount(first.value);
    if (count === 0) continue;
    const value = first.value.slice(1);
    if (count === 1) {
      yield value;
      continue;
    }
    rest ??= furtherChunks(name, cookies);
    // Looked at before anything is joined: what lacks one gives nothing, in whatever number it comes.
    if (rest.slice(0, count - 1).every((chunks) => chunks.length > 0)) {
      yield* joinRest(rest.slice(0, count - 1), 0, value);
    }
  }
}

/** The values of the chunks behind the first, by their number. Of duplicates the first two are tried. */
function furtherChunks(name: string, cookies: readonly Cookie[]): string[][] {
  const indexes = new Map<string, string[]>();
  for (let index = 1; index < mostChunks; index++) indexes.set(chunkName(name, index), []);
  for (const cookie of cookies) {
    const values = indexes.get(cookie.name);
    if (values && values.length < 2) values.push(cookie.value);
  }
  return [...indexes.values()];
}

function* joinRest(rest: readonly string[][], index: number, joined: string): Generator<string> {
  if (index === rest.length) {
    yield joined;
    return;
  }
  for (const value of rest[index] ?? []) yield* joinRest(rest, index + 1, joined + value);
}

/** The names in a request that hold chunks of this cookie from the given number on: left-overs to remove. */
export function staleChunks(name: string, cookies: readonly Cookie[], keep: number): string[] {
  const stale = new Set<string>();
  for (const cookie of cookies) {
    for (let index = keep; index <= mostChunks; index++) {
      if (cookie.name === chunkName(name, index)) stale.add(cookie.name);
    }
  }
  return [...stale];
}
