import { type Document, isMap, isNode, isPair, isScalar, type LineCounter } from 'yaml';
import type { ConfigPath } from './problems.ts';

/**
 * Where a value at a path stands, or its key, or the nearest thing around it that the file has: `line:column`, both
 * from 1, as editors jump to it.
 */
export type PlaceOf = (path: ConfigPath, aboutKey: boolean) => string;

/** Says where a value came from: `file:line:column`, or the name of an environment variable. */
export type SourceOf = (path: ConfigPath, aboutKey?: boolean) => string;

/** The place of an offset into the text. */
export function placeAt(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${line}:${Math.max(1, col)}`;
}

export function placeIn(document: Document, lines: LineCounter): PlaceOf {
  return (path, aboutKey) => {
    for (let length = path.length; length > 0; length--) {
      const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
      const key = path[length - 1];
      const pair = isMap(parent)
        ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key)
        : undefined;
      const node = document.getIn(path.slice(0, length), true);
      const keyNode = pair && isNode(pair.key) ? pair.key : undefined;
      const place = aboutKey || !isNode(node) || length < path.length ? (keyNode ?? node) : node;
      if (isNode(place) && place.range) return placeAt(lines, place.range[0]);
    }
    return '1:1';
  };
}

/** @param origins the environment variable that a value came from, by its path joined with dots */
export function locate(
  file: string | undefined,
  placeOf: PlaceOf,
  origins: ReadonlyMap<string, string>,
): SourceOf {
  return (path, aboutKey = false) => {
    // What a variable says of a list is about its items, too.
    for (let length = path.length; length > 0; length--) {
      const origin = origins.get(path.slice(0, length).join('.'));
      if (origin !== undefined) return origin;
    }
    return file === undefined ? 'environment' : `${file}:${placeOf(path, aboutKey)}`;
  };
}
