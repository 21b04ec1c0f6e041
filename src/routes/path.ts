/**
 * One path, many readers: servers and frameworks differ in whether they decode, resolve `..`, merge slashes,
 * cut parameters or stop at a NUL. This module lists the readings of a path that some reader may come to, so
 * that a request can be refused where they would land on different rules.
 */

/** A path with none of these means the same to every reader. */
const suspicious = /[%\\;\0]|\/\/|\/\./;

/** The readings of a path: the first is the normalised one, which decides; the last is the raw one. */
export function readings(path: string): readonly string[] {
  if (!suspicious.test(path)) return [path];
  const once = decode(path);
  // `%20` or `%C3%A9` and no more: two readings, and no need for the long list below.
  if (!suspicious.test(once)) return [once, path];
  const found = new Set<string>();
  const twice = decode(once);
  for (const decoded of [once, twice, decode(twice), path]) {
    for (const cutNul of [decoded, decoded.replace(/\0.*$/s, ''), decoded.replaceAll('\0', '')]) {
      for (const slashed of [cutNul.replaceAll('\\', '/'), cutNul]) {
        for (const bare of [slashed, slashed.replace(/;[^/]*/g, '')]) {
          // Some merge slashes before they resolve `..`, some after, some never.
          found.add(resolveDots(mergeSlashes(bare)));
          found.add(mergeSlashes(resolveDots(bare)));
          found.add(resolveDots(bare));
          found.add(mergeSlashes(bare));
          found.add(bare);
        }
      }
    }
  }
  found.delete(path);
  found.add(path);
  return [...found];
}

/** Lenient decoding: percent triplets, the `%u` form of old IIS, and overlong UTF-8 of `.`, `/` and `\`. */
function decode(path: string): string {
  return path
    .replace(/%(?:c0|e0%80|f0%80%80)%(ae|af|9c|dc)/gi, (_, last: string) =>
      last.toLowerCase() === 'ae' ? '.' : last.toLowerCase() === 'af' ? '/' : '\\',
    )
    .replace(/%c1%9c/gi, '\\')
    .replace(/%u00([0-9a-f]{2})|%([0-9a-f]{2})/gi, (_, wide: string | undefined, plain: string | undefined) =>
      String.fromCharCode(Number.parseInt(wide ?? plain ?? '0', 16)),
    );
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
