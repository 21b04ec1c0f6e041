import { afterBlanks, eachPair, trimmed } from '../forward/cookie-pairs.ts';
import { chunkCount, chunkName } from './cookies.ts';

/** Memory for what cookies opened to, in bytes, as far as it can be told from the lengths of texts. */
const largestMemory = 32 * 1024 * 1024;
/** What an entry takes beside its texts. */
const entryBytes = 1000;

/**
 * A seal begins with version, key id, nonce and tag (see seal.ts): 33 bytes, of which 44 characters tell. Two
 * seals with the same ones are two spellings of one only by forgery, so that these are enough for the look-up;
 * the whole is compared after it. A whole cookie as the key would be hashed on every request.
 */
const keyLength = 44;

/**
 * What session cookies were opened to, so that a cookie that comes again costs a look-up in place of a
 * decryption. It tells what is in a cookie, never whether that still counts: expiry and revocation are for the
 * caller to check each time.
 *
 * It is not a `Bounded`: each request with a session asks it, and to mark what is used
 * takes 30 ns where to move it takes 100 ns of processor time (`npm run build && node bench/bounded-maps.mjs`).
 */
export interface OpenedCookies<T> {
  /** What the session cookie of a Cookie header opened to; undefined where it has to be opened. */
  recall(header: string): T | undefined;
  /** @param sealed the joined chunks; @param bytes what is kept takes about so much */
  remember(sealed: string, content: T, bytes: number): void;
}

interface Entry<T> {
  sealed: string;
  content: T;
  bytes: number;
  /** It was asked for since it was last in danger. */
  used: boolean;
}

/** @param name the cookie's name */
export function createOpenedCookies<T>(name: string, memory: number = largestMemory): OpenedCookies<T> {
  const entries = new Map<string, Entry<T>>();
  let held = 0;

  /** The oldest go, but for those that were used: these count as new once more. Cheaper than moving at each use. */
  const makeRoom = () => {
    for (const [key, entry] of entries) {
      if (held <= memory) return;
      entries.delete(key);
      if (entry.used) {
        entry.used = false;
        entries.set(key, entry);
      } else {
        held -= entry.bytes;
      }
    }
  };

  return {
    recall(header) {
      const first = onlyValue(header, name);
      const count = first === undefined ? 0 : chunkCount(first);
      if (first === undefined || count === 0) return undefined;
      const entry = entries.get(first.slice(1, 1 + keyLength));
      if (!entry || !isWhole(entry.sealed, header, name, first, count)) return undefined;
      entry.used = true;
      return entry.content;
    },
    remember(sealed, content, bytes) {
      const key = sealed.slice(0, keyLength);
      const total = sealed.length + bytes + entryBytes;
      const known = entries.get(key);
      if (known) held -= known.bytes;
      held += total;
      entries.set(key, { sealed, content, bytes: total, used: false });
      makeRoom();
    },
  };
}

/**
 * Whether the chunks of a header are this seal, each once and in full. Equality of slices, since `startsWith` and
 * `endsWith` compare long texts character by character.
 */
function isWhole(sealed: string, header: string, name: string, first: string, count: number): boolean {
  const start = first.slice(1);
  if (count === 1) return start === sealed;
  let length = start.length;
  if (sealed.slice(0, length) !== start) return false;
  for (let index = 1; index < count; index++) {
    const chunk = onlyValue(header, chunkName(name, index));
    if (chunk === undefined || sealed.slice(length, length + chunk.length) !== chunk) return false;
    length += chunk.length;
  }
  return length === sealed.length;
}

/** The value of a cookie that stands in a header once; undefined where it does not, or stands there twice. */
function onlyValue(header: string, name: string): string | undefined {
  let found: string | undefined;
  let times = 0;
  eachPair(header, (start, equals, end) => {
    const from = afterBlanks(header, start);
    // Cheap before exact: a header has many names, and this one begins few of them.
    if (equals === end || !header.startsWith(name, from) || trimmed(header, from, equals) !== name) return;
    times++;
    found = trimmed(header, equals + 1, end);
  });
  return times === 1 ? found : undefined;
}
