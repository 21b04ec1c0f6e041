/** A map of a document, whose values are not known to be valid. */
export type DocumentMap = Readonly<Record<string, unknown>>;

export const isMap = (value: unknown): value is DocumentMap =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** The value where it is a map, else an empty one. */
export const asMap = (value: unknown): DocumentMap => (isMap(value) ? value : {});

/** What a document has at a path; undefined where it has nothing. */
export function valueAt(document: unknown, path: readonly (string | number)[]): unknown {
  let value = document;
  for (const step of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
