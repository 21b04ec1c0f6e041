/**
 * The claim at a dotted path. At each step the whole rest of the path is tried as one name first, since
 * providers use names with dots in them, such as `https://example.com/roles`.
 */
export function readClaim(claims: unknown, path: string): unknown {
  if (claims === null || typeof claims !== 'object') return undefined;
  if (Object.hasOwn(claims, path)) return (claims as Record<string, unknown>)[path];
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot);
    if (Object.hasOwn(claims, head)) {
      const found = readClaim((claims as Record<string, unknown>)[head], path.slice(dot + 1));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** What headers and rules call the name that somebody signs in with, whatever the provider calls it. */
export const usernamePath = 'preferred_username';

/**
 * The claims at the given paths, by path; those that are absent are left out.
 * @param username the dotted path of what is to be known as `preferred_username`
 */
export function pickClaims(
  claims: unknown,
  paths: Iterable<string>,
  username: string = usernamePath,
): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const path of paths) {
    const value = readClaim(claims, path === usernamePath ? username : path);
    if (value !== undefined && value !== null) picked[path] = value;
  }
  return picked;
}
