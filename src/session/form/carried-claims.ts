import type { ByteReader, ByteWriter } from './bytes.ts';
import { writeJson } from './json.ts';
import type { Payload } from './token-parts.ts';

/** What the tokens of a session say, parsed when it is asked for. */
export interface Carried {
  /** The claims of each token that carries some; undefined for one that does not. */
  claimsOf(token: number): unknown;
  /** How many tokens there are to ask. */
  tokens: number;
}

/** @param payloads the claims of each token as JSON; a payload that cannot be parsed carries none */
export function createCarried(payloads: readonly Payload[]): Carried {
  const parsed: { claims: unknown }[] = [];
  return {
    tokens: payloads.length,
    claimsOf(token) {
      parsed[token] ??= { claims: parse(payloads[token]) };
      return parsed[token].claims;
    },
  };
}

function parse(payload: Payload): unknown {
  if (!payload) return undefined;
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * The claim at a dotted path: a member of that name, or else what the names between the dots lead to. It belongs to the
 * form of sessions, and stays as it is whatever becomes of the paths in the configuration.
 */
export function carriedClaim(claims: unknown, path: string): unknown {
  if (!isObject(claims)) return undefined;
  if (Object.hasOwn(claims, path)) return claims[path];
  let at: unknown = claims;
  for (const name of path.split('.')) {
    if (!isObject(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object';

/** Deeper than any claim; what is deeper is written down. */
const deepest = 50;

/** Whether two values read the same, down to the order of members and the sign of zero. */
function isSame(one: unknown, other: unknown, depth = 0): boolean {
  if (Object.is(one, other)) return true;
  if (depth > deepest || !isObject(one) || !isObject(other)) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  const others = Object.keys(other);
  return (
    names.length === others.length &&
    names.every((name, index) => name === others[index] && isSame(one[name], other[name], depth + 1))
  );
}

/**
 * What stands in the words of a session in place of a text or a value. The lowest say which token carries it; no plain
 * text has a letter like these.
 */
const absent = 0x04;
const json = 0x05;
const oddPath = 0x06;
const end = 0x00;
const plainFrom = 0x08;
const firstToken = 0x01;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what stands for something else.
const isPlain = (text: string) => !/[\x00-\x07]/.test(text) && text.isWellFormed();

/** The token that carries this value at this path. */
function carrierOf(carried: Carried, path: string, value: unknown): number | undefined {
  for (let token = 0; token < carried.tokens; token++)
    if (isSame(value, carriedClaim(carried.claimsOf(token), path))) return token;
  return undefined;
}

/**
 * Writes a text, or which token carries it.
 * @param path of the claim of a token that may have the same text
 */
export function writeText(
  words: ByteWriter,
  text: string | undefined,
  carried?: Carried,
  path: string = '',
): void {
  const carrier = text === undefined || !carried ? undefined : carrierOf(carried, path, text);
  if (text === undefined || carrier !== undefined) {
    words.byte(carrier === undefined ? absent : firstToken + carrier);
    return;
  }
  if (!isPlain(text)) words.byte(json);
  words.text(isPlain(text) ? text : JSON.stringify(text), 'utf8');
  words.byte(end);
}

/** The text that `writeText` wrote. Throws RangeError or SyntaxError for bytes that it cannot have written. */
export function readText(words: ByteReader, carried?: Carried, path: string = ''): string | undefined {
  const start = words.untilBelow(plainFrom);
  const mark = words.byte();
  if (mark === end) return start.toString('utf8');
  if (start.length > 0) throw new RangeError('a text has no end');
  if (mark === absent) return undefined;
  const value = mark === json ? readJson(words) : carriedBy(carried, mark, path);
  if (typeof value !== 'string') throw new RangeError('it is not a text');
  return value;
}

const readJson = (words: ByteReader): unknown => JSON.parse(words.until(end).toString('utf8'));

function carriedBy(carried: Carried | undefined, mark: number, path: string): unknown {
  const token = mark - firstToken;
  const value =
    carried && token >= 0 && token < carried.tokens ? carriedClaim(carried.claimsOf(token), path) : undefined;
  if (value === undefined) throw new RangeError('no token carries it');
  return value;
}

/** Claims by their path: each path, and behind it which token carries the value, or the value. */
export function writeClaims(
  words: ByteWriter,
  claims: Readonly<Record<string, unknown>>,
  carried: Carried,
): void {
  for (const path of Object.keys(claims)) {
    const value = claims[path];
    if (value === undefined) continue;
    if (isPlain(path)) {
      words.text(path, 'utf8');
    } else {
      words.byte(oddPath);
      words.text(JSON.stringify(path), 'utf8');
      words.byte(end);
    }
    const carrier = carrierOf(carried, path, value);
    if (carrier !== undefined) {
      words.byte(firstToken + carrier);
      continue;
    }
    words.byte(json);
    words.text(writeJson(value), 'utf8');
    words.byte(end);
  }
  words.byte(end);
}

const ofAnyMember = { configurable: true, enumerable: true, writable: true };

/** The claims that `writeClaims` wrote. Throws RangeError or SyntaxError for bytes that it cannot have written. */
export function readClaims(words: ByteReader, carried: Carried): Record<string, unknown> {
  const claims: Record<string, unknown> = {};
  for (;;) {
    let path = words.untilBelow(plainFrom).toString('utf8');
    let mark = words.byte();
    if (mark === end) break;
    if (mark === oddPath) {
      path = String(readJson(words));
      mark = words.byte();
    }
    const value = mark === json ? readJson(words) : carriedBy(carried, mark, path);
    // To assign a member of this name would be to give the object another prototype.
    if (path === '__proto__') Object.defineProperty(claims, path, { ...ofAnyMember, value });
    else claims[path] = value;
  }
  return claims;
}
