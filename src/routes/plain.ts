import type { PathSettings } from './settings.ts';
import { kindOf, kinds, removable, type Tokens } from './tokens.ts';

/** What some reader may take for something else, but for letters in the other case. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const odd = /[%\\;\0-\x20\x7f-\uffff]|\/\/|[.+](?:\/|$)|\/\+/;

/** Whether every reader takes a path for what it is, but for the case of its letters. */
export function isPlain(path: string): boolean {
  return !odd.test(path);
}

/** Whether a path has anything that is more than a character that is spelt in another way. */
export function hasOddToken({ symbol, flags, count }: Tokens): boolean {
  for (let at = 1; at < count; at++) {
    const kind = kindOf[symbol[at] as number] as number;
    const before = kindOf[symbol[at - 1] as number] as number;
    const after = at + 1 < count ? (kindOf[symbol[at + 1] as number] as number) : kinds.slash;
    if (((flags[at] as number) & removable) !== 0 || kind === kinds.backslash) return true;
    if (kind === kinds.semicolon || kind === kinds.end || kind === kinds.control) return true;
    if (kind === kinds.slash && (flags[at] !== 0 || before === kinds.slash)) return true;
    const isAtEnd = after === kinds.slash;
    if (isAtEnd && (kind === kinds.dot || kind === kinds.blank || kind === kinds.plus)) return true;
    if (before === kinds.slash && (kind === kinds.blank || kind === kinds.plus)) return true;
  }
  return false;
}

/**
 * The path as RFC 3986 §6.2.2 would have it: it finds the route where all readings have one access. Escapes of what
 * needs none are decoded, slashes merged and dot segments resolved.
 */
export function normalise(path: string, { parameters, encodedSlash }: PathSettings): string {
  const slashes = encodedSlash === 'separator' ? path.replace(/%2f/gi, '/') : path;
  const bare = parameters === 'strip' ? slashes.replace(/;[^/]*/g, '') : slashes;
  const decoded = bare.replace(/%([2-7][0-9a-f])/gi, (spelt, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    return /[/\\;?#%\x7f]/.test(character) ? spelt : character;
  });
  return resolveDots(decoded.replace(/\/{2,}/g, '/'));
}

/** RFC 3986 §5.2.4. */
function resolveDots(path: string): string {
  if (!path.includes('/.')) return path;
  const segments: string[] = [];
  const parts = path.split('/').slice(1);
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (part === '..') segments.pop();
    if (part === '.' || part === '..') {
      if (isLast) segments.push('');
    } else {
      segments.push(part);
    }
  }
  return `/${segments.join('/')}`;
}
