import { createBounded } from '../bounded.ts';
import type { Clock } from '../clock.ts';

/** What Cache-Control says to a browser, and to no one else. */
export interface ForOnePerson {
  text: string;
  /** Nothing had to be said otherwise. */
  isSame: boolean;
}

/**
 * Reads what Cache-Control (RFC 9111 §5.2.2) says to a browser, and to no one else: `private`, with those directives
 * that are known to mean nothing but that. Whatever else it says, or cannot be read, is left out.
 * @param expires what Expires said, in milliseconds since the epoch, to be said here
 */
export type CacheControlReader = (value: string, expires?: number) => ForOnePerson;

const mostRemembered = 1000;
const longestRemembered = 200;

/** Applications say few different things; remembering a bounded number of them saves reading them again. */
export function createCacheControlReader(clock: Clock): CacheControlReader {
  const remembered = createBounded<string, ForOnePerson>({ entries: mostRemembered, givesWay: 'newcomer' });
  return (value, expires) => {
    if (expires !== undefined) return read(value, Math.max(0, Math.floor((expires - clock.now()) / 1000)));
    const known = remembered.peek(value);
    if (known) return known;
    const found = read(value, undefined);
    if (value.length <= longestRemembered) remembered.set(value, found);
    return found;
  };
}

const isFlag: ReadonlySet<string> = new Set([
  'private',
  'no-cache',
  'no-store',
  'must-revalidate',
  'no-transform',
  'immutable',
]);
const isTime: ReadonlySet<string> = new Set(['max-age', 'stale-while-revalidate', 'stale-if-error']);

/** @param lasts seconds until the time that Expires said */
function read(value: string, lasts: number | undefined): ForOnePerson {
  const flags = new Set<string>();
  const times = new Map<string, number>();
  let isSame = true;
  const isRead = readDirectives(value, (name, argument) => {
    if (isFlag.has(name) && argument === undefined) flags.add(name);
    // With names of headers these two speak of those alone (§5.2.2.4 and §5.2.2.7).
    else if (isTime.has(name)) times.set(name, Math.min(secondsOf(argument), times.get(name) ?? 2 ** 31));
    else isSame = false;
  });
  isSame &&= isRead && (flags.has('private') || flags.has('no-store'));
  if (!isRead) {
    flags.clear();
    times.clear();
    // In doubt, what is stricter.
    if (/no-store/i.test(value)) flags.add('no-store');
  }
  if (lasts !== undefined && !times.has('max-age')) {
    times.set('max-age', lasts);
    isSame = false;
  }
  if (isSame) return { text: value, isSame };
  flags.delete('private');
  const text = ['private', ...flags, ...[...times].map(([name, seconds]) => `${name}=${seconds}`)];
  return { text: text.join(', '), isSame };
}

/** Gives each directive, its name in lower case; false where the text is none of them. */
function readDirectives(value: string, take: (name: string, argument: string | undefined) => void): boolean {
  // One directive, with the commas before it: a token, and perhaps a token or a quoted text.
  const directive = /[\s,]*([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;="]*)))?\s*(?=,|$)/y;
  let at = 0;
  while (/[^\s,]/.test(value.slice(at))) {
    const found = directive.exec(value);
    if (!found) return false;
    take((found[1] as string).toLowerCase(), found[2] ?? found[3]);
    at = directive.lastIndex;
  }
  return true;
}

/** What is no number of seconds is none (RFC 9111 §4.2.1). */
function secondsOf(argument: string | undefined): number {
  return argument !== undefined && /^\d{1,10}$/.test(argument) ? Number(argument) : 0;
}
