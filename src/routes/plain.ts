import { hexDigit } from './decode.ts';
import type { PathSettings } from './settings.ts';
import { kindOf, kinds, removable, type Tokens } from './tokens.ts';
import { lower, type Trie } from './trie.ts';

/** What some reader may take for something else, but for letters in the other case. */
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
 * The access of a path that is read in one way, but for the case of its letters; undefined where that matters.
 */
export function plainAccess(
  { child, sibling, symbol, folded, end, beyond, leaf }: Trie,
  { ignoreCase }: PathSettings,
  path: string,
): number | undefined {
  let node = 0;
  for (let at = 1; at < path.length && leaf[node] === 0; at++) {
    const code = path.charCodeAt(at);
    const plain = lower(code);
    let found = 0;
    for (let to = child[node] as number; to !== 0; to = sibling[to] as number) {
      if (folded[to] !== plain) continue;
      if (!ignoreCase && (symbol[to] !== code || found !== 0)) return undefined;
      found = to;
    }
    if (found === 0) return beyond[node];
    node = found;
  }
  return end[node];
}

/** What routes may have in their paths: its escapes are decoded, since there it makes no difference. */
const isOfRoutes = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9\-._~!&'+,=:@]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/**
 * The path as RFC 3986 §6.2.2 would have it: it finds the route where all readings have one access. Escapes that
 * make no difference are decoded, slashes merged and dot segments resolved.
 */
export function normalise(path: string, { parameters, encodedSlash }: PathSettings): string {
  let text = encodedSlash === 'separator' && path.includes('%') ? path.replace(/%2f/gi, '/') : path;
  if (parameters === 'strip' && text.includes(';')) text = text.replace(/;[^/]*/g, '');
  text = decodePlain(text);
  return resolveDots(text.includes('//') ? text.replace(/\/{2,}/g, '/') : text);
}

function decodePlain(path: string): string {
  let decoded = '';
  let copied = 0;
  for (let at = path.indexOf('%'); at >= 0; at = path.indexOf('%', at + 1)) {
    const code = hexDigit(path.charCodeAt(at + 1)) * 16 + hexDigit(path.charCodeAt(at + 2));
    // What is no digit counts 16, which leads beyond ASCII or to a digit that is looked at again.
    if (code > 0x7f || isOfRoutes[code] === 0 || !/^[0-9a-f]{2}$/i.test(path.slice(at + 1, at + 3))) continue;
    decoded += path.slice(copied, at) + String.fromCharCode(code);
    copied = at + 3;
  }
  return copied === 0 ? path : decoded + path.slice(copied);
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
