import { type Document, isAlias, isMap, LineCounter, parseDocument, visit } from 'yaml';
import { type PlaceOf, placeAt, placeIn } from './locate.ts';
import { ConfigError, type ConfigPath, type Problem } from './problems.ts';
import { manyAliases, noValueOfAlias, yamlProblem } from './yaml-problems.ts';

export interface ParsedFile {
  /** Maps, lists and scalars as the file has them; an empty map for an empty file. */
  document: unknown;
  placeOf: PlaceOf;
  /** There is nothing in it but comments. */
  isEmpty: boolean;
}

/** A text in which problems have places. */
interface Source {
  /** The name of the file in messages. */
  name: string;
  lines: LineCounter;
}

/**
 * Parses YAML, or JSON, which is YAML. Throws ConfigError where it is not, and where it could not be read to its end.
 * @param name the name of the file in messages
 */
export function parseText(given: string, name: string): ParsedFile {
  // A byte order mark is no column.
  const text = given.replace(/^\ufeff/, '');
  const source: Source = { name, lines: new LineCounter() };
  refuseOtherEncodings(text, name);
  const options = { lineCounter: source.lines, merge: true, prettyErrors: false, logLevel: 'error' } as const;
  const parsed = parseDocument(text, options);
  if (parsed.errors.length > 0) {
    throw new ConfigError(
      onePerLine(parsed.errors.map((error) => problemAt(source, error.pos[0], yamlProblem(error)))),
    );
  }
  const document = unfold(parsed, source) ?? {};
  const placeOf = placeIn(parsed, source.lines);
  const circle = findCircle(document);
  if (circle) {
    const message = 'this contains itself, by an alias of YAML. Write out what is meant.';
    throw new ConfigError([{ path: circle, source: `${name}:${placeOf(circle, false)}`, message }]);
  }
  const isEmpty = parsed.contents === null || (isMap(parsed.contents) && parsed.contents.items.length === 0);
  return { document, placeOf, isEmpty };
}

const problemAt = ({ name, lines }: Source, offset: number, message: string): Problem => ({
  path: [],
  source: `${name}:${placeAt(lines, offset)}`,
  message,
});

/** What follows a mistake on its line is of that mistake. */
function onePerLine(problems: readonly Problem[]): Problem[] {
  const line = ({ source }: Problem) => source.replace(/:\d+$/, '');
  return problems.filter(
    (problem, index) => problems.findIndex((other) => line(other) === line(problem)) === index,
  );
}

/** Bytes that are no UTF-8 have become U+FFFD by now, and UTF-16 has NUL between its letters. */
function refuseOtherEncodings(text: string, name: string): void {
  const at = text.search(/[\0\ufffd]/);
  if (at < 0) return;
  const before = text.slice(0, at).split('\n');
  const source = `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
  const message = 'this is not UTF-8 from here on. Save the file as UTF-8.';
  throw new ConfigError([{ path: [], source, message }]);
}

function unfold(parsed: Document, source: Source): unknown {
  try {
    return parsed.toJS({ maxAliasCount: 100 });
  } catch {
    const offset = aliasOfNothing(parsed);
    throw new ConfigError([
      offset === undefined
        ? { path: [], source: source.name, message: manyAliases }
        : problemAt(source, offset, noValueOfAlias),
    ]);
  }
}

/** Where the first alias stands that has no anchor before it. */
function aliasOfNothing(parsed: Document): number | undefined {
  let offset: number | undefined;
  visit(parsed, {
    Alias(_, node) {
      if (!isAlias(node) || node.resolve(parsed) !== undefined) return undefined;
      offset = node.range?.[0];
      return visit.BREAK;
    },
  });
  return offset;
}

/** The path of a value that stands inside itself, which YAML's aliases allow and nothing here can read. */
function findCircle(
  value: unknown,
  path: ConfigPath = [],
  around: readonly unknown[] = [],
): ConfigPath | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (around.includes(value)) return path;
  for (const [key, below] of Object.entries(value)) {
    const found = findCircle(below, [...path, Array.isArray(value) ? Number(key) : key], [...around, value]);
    if (found) return found;
  }
  return undefined;
}
