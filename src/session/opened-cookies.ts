import { afterBlanks, trimmed } from '../blanks.ts';
import { createBounded } from '../bounded.ts';
import { eachPair } from '../forward/cookie-pairs.ts';
import { chunkCount, chunkName } from './cookies.ts';

/** Memory for what cookies opened to, in bytes, as far as it can be told from the lengths of texts. */
const largestMemory = 32 * 1024 * 1024;
/** What an entry takes beside its texts. */
const entryBytes = 1000;
/** What takes more than this part of the memory is opened each time, so that nobody pushes out many others by a few. */
const largestPart = 1 / 16;
/** What was written and did not come yet has this part: whoever has cookies written without end pushes out the like alone. */
const expectedPart = 1 / 4;
const mostExpected = 10_000;

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
  /** The same for a cookie that was written: it may never come. */
  expect(sealed: string, content: T, bytes: number): void;
}

/** A text without what it was cut from: a slice of a header holds on to the whole of it. */
export const ownText = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

interface Entry<T> {
  sealed: string;
  content: T;
  bytes: number;
  /** It was asked for since it was last in danger. */
  used: boolean;
}

const keyOf = ({ sealed }: Entry<unknown>) => sealed.slice(0, keyLength);

function entryOf<T>(sealed: string, content: T, bytes: number): Entry<T> {
  return { sealed: ownText(sealed), content, bytes: sealed.length + bytes + entryBytes, used: false };
}

/** @param name the cookie's name */
export function createOpenedCookies<T>(name: string, memory: number = largestMemory): OpenedCookies<T> {
  const entries = new Map<string, Entry<T>>();
  const most = memory * (1 - expectedPart);
  let held = 0;
  const expected = createBounded<string, Entry<T>>({
    entries: mostExpected,
    bytes: { most: memory * expectedPart, of: ({ bytes }) => bytes },
  });

  /** The oldest go, but for those that were used: these count as new once more. Cheaper than moving at each use. */
  const makeRoom = () => {
    for (const [key, entry] of entries) {
      if (held <= most) return;
      entries.delete(key);
      if (entry.used) {
        entry.used = false;
        entries.set(key, entry);
      } else {
        held -= entry.bytes;
      }
    }
  };

  const isKept = ({ bytes }: Entry<T>) => bytes <= memory * largestPart;
  const add = (entry: Entry<T>) => {
    const key = keyOf(entry);
    const known = entries.get(key);
    if (known) held -= known.bytes;
    if (!isKept(entry)) return void entries.delete(key);
    held += entry.bytes;
    entries.set(key, entry);
    makeRoom();
  };
  const arrived = (entry: Entry<T>) => {
    expected.delete(keyOf(entry));
    add(entry);
  };

  return {
    recall(header) {
      const first = onlyValue(header, name);
      const count = first === undefined ? 0 : chunkCount(first);
      if (first === undefined || count === 0) return undefined;
      const key = first.slice(1, 1 + keyLength);
      const entry = entries.get(key) ?? expected.peek(key);
      if (!entry || !isWhole(entry.sealed, header, name, first, count)) return undefined;
      if (!entry.used && expected.peek(key) === entry) arrived(entry);
      entry.used = true;
      return entry.content;
    },
    remember: (sealed, content, bytes) => add(entryOf(sealed, content, bytes)),
    expect(sealed, content, bytes) {
      const entry = entryOf(sealed, content, bytes);
      if (isKept(entry)) expected.set(keyOf(entry), entry);
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
