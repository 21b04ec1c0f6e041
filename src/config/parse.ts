import { type Document, LineCounter, parseDocument } from 'yaml';
import { type LineOf, lineIn } from './locate.ts';
import { ConfigError, type ConfigPath } from './problems.ts';

export interface ParsedFile {
  /** Maps, lists and scalars as the file has them; an empty map for an empty file. */
  document: unknown;
  lineOf: LineOf;
}

/**
 * Parses YAML, or JSON, which is YAML. Throws ConfigError where it is not, and where it could not be read to its end.
 * @param source the name of the file in messages
 */
export function parseText(text: string, source: string): ParsedFile {
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false });
  if (parsed.errors.length > 0) {
    throw new ConfigError(
      parsed.errors.map((error) => ({
        path: [],
        source: `${source}:${lines.linePos(error.pos[0]).line}`,
        message: yamlProblem(error),
      })),
    );
  }
  const document = unfold(parsed, source) ?? {};
  const lineOf = lineIn(parsed, lines);
  const circle = findCircle(document);
  if (circle) {
    const message = 'this contains itself, by an alias of YAML.';
    throw new ConfigError([{ path: circle, source: `${source}:${lineOf(circle, false)}`, message }]);
  }
  return { document, lineOf };
}

function unfold(parsed: Document, source: string): unknown {
  try {
    return parsed.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigError([{ path: [], source, message: yamlProblem(error as Error) }]);
  }
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

/** Behind its colon, a message of the parser repeats what it stumbled over: that may be a secret without quotes. */
function yamlProblem({ message }: Error): string {
  return `this is not valid YAML: ${message.replace(/\s+/g, ' ').replace(/: .*$/, '')}.`;
}
