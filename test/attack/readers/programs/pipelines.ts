import { posix } from 'node:path';
import { chanceOf } from '../random.ts';

/** Own code that reads paths in steps, as applications, filters and file systems do one after the other. */
export interface Pipeline {
  /** Its steps in their order. */
  name: string;
  read(path: string): string;
}

const byte = (digits: string) => String.fromCharCode(Number.parseInt(digits, 16));
const toBytes = (text: string) =>
  Buffer.from(
    text.replace(/[^\0-\xff]/gu, (each) => Buffer.from(each).toString('latin1')),
    'latin1',
  );

/** Decoders of UTF-8 that take overlong forms, as old ones did. */
function decodeLeniently(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0;
    const length = lead < 0xc0 || lead > 0xf7 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const rest = [...bytes.subarray(at + 1, at + length)];
    const isWhole = rest.length === length - 1 && rest.every((each) => (each & 0xc0) === 0x80);
    const point = rest.reduce((sum, each) => sum * 64 + (each & 0x3f), lead & (0x7f >> length));
    if (length === 1) text += String.fromCharCode(lead);
    else text += isWhole && point < 0x11_0000 ? String.fromCodePoint(point) : '\ufffd';
    at += length > 1 && isWhole ? length : 1;
  }
  return text;
}

/** C0 and C1 with whatever byte comes next, of which only six bits are looked at. */
const pairUp = (text: string) =>
  text.replace(/([\xc0\xc1])([\s\S])/g, (_, lead: string, next: string) =>
    String.fromCharCode((lead === '\xc1' ? 0x40 : 0) | (next.charCodeAt(0) & 0x3f)),
  );

const steps: Readonly<Record<string, (path: string) => string>> = {
  decode: (path) => path.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => byte(digits)),
  'decode, %u too': (path) =>
    path.replace(/%u([0-9a-f]{4})|%([0-9a-f]{2})/gi, (_, wide?: string, digits?: string) =>
      byte(wide ?? digits ?? ''),
    ),
  'decode but slashes': (path) =>
    path.replace(/%(?!2f|5c)([0-9a-f]{2})/gi, (_, digits: string) => byte(digits)),
  'decode unreserved': (path) =>
    path.replace(/%(2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/gi, (_, digits: string) =>
      byte(digits),
    ),
  'UTF-8': (path) => toBytes(path).toString(),
  'overlong UTF-8': (path) => decodeLeniently(toBytes(path)),
  'C0 and C1': pairUp,
  NFKC: (path) => path.normalize('NFKC'),
  'lower case': (path) => path.toLowerCase(),
  'upper case': (path) => path.toUpperCase().toLowerCase(),
  backslashes: (path) => path.replaceAll('\\', '/'),
  'slash lookalikes': (path) => path.replace(/[\u2215\u2044]/g, '/').replace(/[\u00a5\u20a9]/g, '\\'),
  parameters: (path) => path.replace(/;[^/]*/g, ''),
  'from the first semicolon': (path) => path.replace(/;.*/s, ''),
  'query and fragment': (path) => path.replace(/[?#].*/s, ''),
  query: (path) => path.replace(/\?.*/s, ''),
  'from a NUL': (path) => path.replace(/\0.*/s, ''),
  'from a line break': (path) => path.replace(/[\r\n].*/s, ''),
  'control characters': (path) => path.replace(/\p{Cc}/gu, ''),
  'tabs and line breaks': (path) => path.replace(/[\t\r\n]/g, ''),
  'what was invalid': (path) => path.replaceAll('\ufffd', ''),
  'zero width': (path) => path.replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, ''),
  'slashes merged': (path) => path.replace(/\/{2,}/g, '/'),
  'dots resolved': (path) => posix.normalize(path),
  'dots and blanks at an end': (path) =>
    path.replace(/(^|\/)(?!\.{1,2}(?:\/|$))([^/]*?)[. ]+(?=\/|$)/g, '$1$2'),
  'segments trimmed': (path) =>
    path
      .split('/')
      .map((segment) => segment.trim())
      .join('/'),
  'plus is a blank': (path) => path.replaceAll('+', ' '),
  trimmed: (path) => path.trim(),
  'authority cut': (path) => path.replace(/^[/\\]{2,}[^/\\?#]*/, '') || '/',
  'new URL': (path) => new URL(path, 'http://app.test').pathname,
};

/**
 * So many pipelines of two to eight steps in any order. Decoding is more frequent than what follows it. The same
 * seed gives the same ones.
 */
export function randomPipelines(seed: number, count: number): Pipeline[] {
  const chance = chanceOf(seed);
  const names = Object.keys(steps);
  return Array.from({ length: count }, () => {
    const chosen = Array.from({ length: 2 + chance.below(7) }, () => {
      if (chance.is(0.4)) return chance.is(0.7) ? 'decode' : 'decode, %u too';
      return chance.of(names);
    });
    return {
      name: chosen.join('; '),
      read: (path) => chosen.reduce((read, step) => steps[step]?.(read) ?? read, path),
    };
  });
}
