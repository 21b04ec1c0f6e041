/**
 * The spellings under which an issuer may name itself: with and without a slash at the end, which people drop and add
 * when they copy one. Whose keys verify a token is not changed by it: they are those of the issuer that is configured.
 */
export function issuerSpellings(issuer: string): readonly [string, string] {
  const bare = withoutSlash(issuer);
  return [bare, `${bare}/`];
}

/** What is there of an issuer: the one that has exactly its name goes before one that differs by the slash. */
export function ofIssuer<T>(issuer: string, find: (spelling: string) => T | undefined): T | undefined {
  return [issuer, ...issuerSpellings(issuer)].map(find).find((found) => found !== undefined);
}

/** Whether both name the same issuer, but for a slash at the end. */
export const isSameIssuer = (one: unknown, other: unknown): boolean =>
  typeof one === 'string' && typeof other === 'string' && withoutSlash(one) === withoutSlash(other);

/** One slash only: more of them would be another address. */
const withoutSlash = (issuer: string) => (issuer.endsWith('/') ? issuer.slice(0, -1) : issuer);
