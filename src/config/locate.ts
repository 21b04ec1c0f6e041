import { type Document, isMap, isNode, isPair, isScalar, type LineCounter } from 'yaml';
import type { ConfigPath } from './problems.ts';

/** The line of the value at a path, or of its key, or of the nearest thing around it that the file has. */
export type LineOf = (path: ConfigPath, aboutKey: boolean) => number;

/** Says where a value came from: `file:line`, or the name of an environment variable. */
export type SourceOf = (path: ConfigPath, aboutKey?: boolean) => string;

export function lineIn(document: Document, lines: LineCounter): LineOf {
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
      if (isNode(place) && place.range) return lines.linePos(place.range[0]).line;
    }
    return 1;
  };
}

/** @param origins the environment variable that a value came from, by its path joined with dots */
export function locate(
  file: string | undefined,
  lineOf: LineOf,
  origins: ReadonlyMap<string, string>,
): SourceOf {
  return (path, aboutKey = false) =>
    origins.get(path.join('.')) ?? (file === undefined ? 'environment' : `${file}:${lineOf(path, aboutKey)}`);
}
