/**
 * One path, many readers: servers and frameworks differ in whether they decode, resolve `..`, merge slashes,
 * cut parameters or stop at a NUL. This module lists the readings of a path that some reader may come to, so
 * that a request can be refused where they would land on different rules.
 */

/** A path with none of these means the same to every reader. Bytes C0 and C1 are in no valid UTF-8. */
const suspicious = /[%\\;\0\xc0\xc1]|\xe0\x80|\xf0\x80|\/\/|\/\./;

/** What else makes readers disagree once it is decoded: some look for the query only then. */
const suspiciousDecoded = /[?#]/;

/** Longer ones are refused where they are suspicious: nobody needs them, and reading them costs. */
const longestSuspiciousPath = 8192;
/** And these where they have many readings. */
const longestManifoldPath = 2048;

/** What a reader may do to a path before it resolves dots and merges slashes. */
const habits: readonly ((path: string) => readonly string[])[] = [
  (path) => [path.replace(/\0.*$/s, ''), path.replaceAll('\0', '')],
  (path) => [path.replaceAll('\\', '/')],
  (path) => [path.replace(/;[^/]*/g, '')],
  (path) => [path.replace(/[?#].*$/s, '')],
];

/** Some merge slashes before they resolve `..`, some after, some never. */
const endings: readonly ((path: string) => string)[] = [
  (path) => resolveDots(mergeSlashes(path)),
  (path) => mergeSlashes(resolveDots(path)),
  resolveDots,
  mergeSlashes,
  (path) => path,
];

/** Whether a path is too long to be read in every way. */
export function isTooLong(path: string): boolean {
  if (path.length <= longestManifoldPath || !suspicious.test(path)) return false;
  return path.length > longestSuspiciousPath || isManifold(decode(path));
}

/** Whether what decoding once gives can be read in more ways. */
function isManifold(once: string): boolean {
  return suspicious.test(once) || suspiciousDecoded.test(once);
}

/** The readings of a path: the first is the normalised one, which decides; the last is the raw one. */
export function readings(path: string): readonly string[] {
  if (!suspicious.test(path)) return [path];
  const once = decode(path);
  // `%20` or `%C3%A9` and no more: two readings, and no need for the long list below.
  if (!isManifold(once)) return [once, path];
  const twice = decode(once);
  // Sets, since most habits change nothing: what is the same is looked at once.
  let forms = new Set([once, twice, decode(twice), path]);
  for (const habit of habits) forms = new Set([...forms].flatMap((form) => [...habit(form), form]));
  const found = new Set([...forms].flatMap((form) => endings.map((end) => end(form))));
  for (const form of [...found]) {
    if (form.startsWith('//')) for (const end of endings) found.add(end(withoutAuthority(form)));
  }
  found.delete(path);
  found.add(path);
  return [...found];
}

/** Lenient decoding: percent triplets, the `%u` form of old IIS, and overlong UTF-8 of `.`, `/` and `\`, bytes included. */
function decode(path: string): string {
  return path
    .replace(/%(?:c0|e0%80|f0%80%80)%(ae|af|9c|dc)/gi, (_, last: string) =>
      last.toLowerCase() === 'ae' ? '.' : last.toLowerCase() === 'af' ? '/' : '\\',
    )
    .replace(/%c1%9c/gi, '\\')
    .replace(/(?:\xc0|\xe0\x80|\xf0\x80\x80)([\xae\xaf\x9c\xdc])/g, (_, last: string) =>
      last === '\xae' ? '.' : last === '\xaf' ? '/' : '\\',
    )
    .replace(/\xc1\x9c/g, '\\')
    .replace(/%u00([0-9a-f]{2})|%([0-9a-f]{2})/gi, (_, wide: string | undefined, plain: string | undefined) =>
      String.fromCharCode(Number.parseInt(wide ?? plain ?? '0', 16)),
    );
}

/**
 * RFC 3986 §4.2: as a reference, `//host/path` names another host, and the path is what stands behind it. So
 * read many who resolve the request target against a base, such as `new URL(request.url, base)`.
 */
function withoutAuthority(path: string): string {
  return path.replace(/^\/{2,}[^/]*/, '') || '/';
}

function mergeSlashes(path: string): string {
  return path.replace(/\/{2,}/g, '/');
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
