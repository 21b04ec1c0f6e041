import { parse } from 'node:url';

/** How a server finds out which of its places a request target names. */
export type Reader = (path: string) => string;

/** Decodes escapes that the pattern allows, to bytes; what is broken stays. */
const decode = (path: string, allowed = /[\s\S]/): string =>
  path.replace(/%([0-9a-f]{2})/gi, (spelt, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    return allowed.test(character) ? character : spelt;
  });

/** The character of ASCII that bytes make for who takes any of them for a continuation; undefined for none. */
const overlong = (bytes: string): string | undefined => {
  let point = 0;
  for (const byte of bytes.slice(1)) point = point * 64 + (byte.charCodeAt(0) & 0x3f);
  return point < 0x80 ? String.fromCharCode(point) : undefined;
};

/** UTF-8 as old decoders read it: overlong forms, leads with any bytes behind them, and nothing for the rest. */
const lenientUtf8 = (path: string): string =>
  path
    .replace(/([\xc0\xc1])([\0-\xff])/g, (_, lead: string, next: string) =>
      String.fromCharCode(((lead.charCodeAt(0) & 0x1f) << 6) | (next.charCodeAt(0) & 0x3f)),
    )
    .replace(/\xe0[\0-\xff]{2}|\xf0[\0-\xff]{3}|\xf8[\0-\xff]{4}/g, (all) => overlong(all) ?? all);

const strictUtf8 = (path: string): string =>
  /[^\0-\xff]/.test(path) ? path : Buffer.from(path, 'latin1').toString('utf8');

function resolveDots(path: string): string {
  const kept: string[] = [];
  const parts = path.split('/').slice(1);
  for (const [index, part] of parts.entries()) {
    if (part === '..') kept.pop();
    const isDots = part === '.' || part === '..';
    if (!isDots) kept.push(part);
    else if (index === parts.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}

const eachSegment = (change: (segment: string) => string) => (path: string) =>
  path.split('/').map(change).join('/');

/** What servers do to a path, one thing each. Real ones do some of them, in some order. */
export const steps: Readonly<Record<string, Reader>> = {
  decode,
  decodeAllButSlashes: (path) => decode(path, /[^/\\]/),
  decodeUnreserved: (path) => decode(path, /[A-Za-z0-9._~-]/),
  decodeWide: (path) =>
    path.replace(/%u([0-9a-f]{4})/gi, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    ),
  decodeOddPlaces: (path) => {
    let count = 0;
    return path.replace(/%([0-9a-f]{2})/gi, (spelt, digits: string) =>
      count++ % 2 === 0 ? String.fromCharCode(Number.parseInt(digits, 16)) : spelt,
    );
  },
  lenientUtf8,
  strictUtf8,
  dropInvalidBytes: (path) =>
    /[^\0-\xff]/.test(path) ? path : Buffer.from(path, 'latin1').toString('utf8').replaceAll('\ufffd', ''),
  dropReplacements: (path) => path.replace(/[\ufffd\u200b-\u200f\ufeff\u00ad]/g, ''),
  backslashes: (path) => path.replaceAll('\\', '/'),
  bestFit: (path) => path.replace(/[\u2215\u2044]/g, '/').replace(/[\u00a5\u20a9]/g, '\\'),
  compatible: (path) => path.normalize('NFKC'),
  lowerCase: (path) => path.toLowerCase(),
  upperThenLower: (path) => path.toUpperCase().toLowerCase(),
  withoutParameters: (path) => path.replace(/;[^/]*/g, ''),
  cutAtSemicolon: (path) => path.replace(/;.*$/s, ''),
  cutAtNul: (path) => path.replace(/\0.*$/s, ''),
  cutAtLineBreak: (path) => path.replace(/[\r\n].*$/s, ''),
  dropTabs: (path) => path.replace(/[\t\r\n]/g, ''),
  dropControls: (path) => [...path].filter((each) => each >= ' ' && each !== '\x7f').join(''),
  cutAtQuery: (path) => path.replace(/[?#].*$/s, ''),
  mergeSlashes: (path) => path.replace(/\/{2,}/g, '/'),
  resolveDots,
  trim: (path) => path.trim(),
  trimSegments: eachSegment((segment) => segment.trim()),
  plusIsBlank: (path) => path.replaceAll('+', ' '),
  windowsNames: eachSegment((segment) => (/^\.\.?$/.test(segment) ? segment : segment.replace(/[. ]+$/, ''))),
  withoutAuthority: (path) => path.replace(/^\/{2,}[^/?#]*/, '') || '/',
};

/** Programs and libraries as they read, more or less. */
export const programs: Readonly<Record<string, Reader>> = {
  raw: (path) => path,
  nodeUrl: (path) => new URL(path, 'http://app').pathname,
  nodeUrlThenDecode: (path) => decodeURIComponent(new URL(path, 'http://app').pathname),
  decodeThenNodeUrl: (path) => new URL(decodeURIComponent(path), 'http://app').pathname,
  urlParse: (path) => parse(path).pathname ?? '/',
  urlParseAsHost: (path) => parse(path, false, true).pathname ?? '/',
  nginx: (path) => through(path, 'decode', 'mergeSlashes', 'resolveDots', 'cutAtNul'),
  nginxUnmerged: (path) => through(path, 'decode', 'resolveDots'),
  apache: (path) => through(path, 'decodeAllButSlashes', 'resolveDots', 'mergeSlashes'),
  apacheEncodedSlashes: (path) => through(path, 'decode', 'resolveDots', 'mergeSlashes'),
  tomcat: (path) =>
    through(path, 'withoutParameters', 'decode', 'backslashes', 'mergeSlashes', 'resolveDots'),
  jetty: (path) => through(path, 'decode', 'withoutParameters', 'resolveDots'),
  iis: (path) =>
    through(
      path,
      'decodeWide',
      'decode',
      'decode',
      'lenientUtf8',
      'bestFit',
      'backslashes',
      'windowsNames',
      'mergeSlashes',
      'resolveDots',
      'lowerCase',
    ),
  php: (path) => through(path, 'decode', 'cutAtNul', 'mergeSlashes', 'resolveDots'),
  rack: (path) => through(path, 'plusIsBlank', 'decode', 'trimSegments', 'resolveDots'),
  windowsFiles: (path) =>
    through(
      path,
      'decode',
      'strictUtf8',
      'compatible',
      'backslashes',
      'windowsNames',
      'mergeSlashes',
      'resolveDots',
      'lowerCase',
    ),
};

/** Steps one after the other. */
export function through(path: string, ...names: readonly string[]): string {
  return names.reduce((read, name) => steps[name]?.(read) ?? read, path);
}
