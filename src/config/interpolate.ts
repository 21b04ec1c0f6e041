import { type ReadFile, whyUnread } from '../files.ts';
import type { ConfigPath } from './problems.ts';

export interface InterpolationFailure {
  path: ConfigPath;
  message: string;
}

/** A value of the document that something was filled into, and what that was. */
export interface Filled {
  path: ConfigPath;
  values: readonly string[];
  /** One of them is what a file holds. */
  isOfFile: boolean;
}

/** Where values come from. */
export interface Surroundings {
  env: NodeJS.ProcessEnv;
  read: ReadFile;
}

export interface Interpolation {
  document: unknown;
  failures: InterpolationFailure[];
  filled: Filled[];
}

/**
 * Puts values in place of `${NAME}`, `${NAME:-default}` and `${file:/path}` in every string of a parsed
 * document. It works on values, not on the file's text, so that no secret can change the structure.
 * `$${` stands for the characters `${`.
 * @param instead what is filled in at a path in place of the value, for a document that is shown
 */
export function interpolate(
  document: unknown,
  { env, read }: Surroundings,
  instead: (path: ConfigPath) => string | undefined = () => undefined,
): Interpolation {
  const failures: InterpolationFailure[] = [];
  const filled: Filled[] = [];
  const fill = (value: unknown, path: ConfigPath): unknown => {
    if (typeof value === 'string') {
      const values: string[] = [];
      const shown = instead(path);
      let isOfFile = false;
      const text = fillText(
        value,
        { env, read },
        {
          fail: (message) => failures.push({ path, message }),
          take(found, source) {
            values.push(found);
            isOfFile ||= source === 'file';
            return shown ?? found;
          },
        },
      );
      if (values.length > 0) filled.push({ path, values, isOfFile });
      return text;
    }
    if (Array.isArray(value)) return value.map((item, index) => fill(item, [...path, index]));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, below]) => [key, fill(below, [...path, key])]),
    );
  };
  return { document: fill(document, []), failures, filled };
}

interface Filling {
  fail(message: string): void;
  /** Gives what stands in the place of a value that was found. */
  take(value: string, source: 'file' | 'variable'): string;
}

function fillText(text: string, { env, read }: Surroundings, { fail, take }: Filling): string {
  return text.replace(/\$\$\{|\$\{([^}]*)\}/g, (whole: string, expression: string | undefined) => {
    if (expression === undefined) return '${';
    if (expression.startsWith('file:')) {
      const found = readSecretFile(expression.slice('file:'.length), read, fail);
      return found === undefined ? whole : take(found, 'file');
    }
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(expression);
    if (match?.[1] === undefined) {
      fail(`\${${expression}} is not of the form \${NAME}, \${NAME:-default} or \${file:/path}.`);
      return whole;
    }
    const value = env[match[1]];
    // As in a shell, `:-` also stands in for a variable that is set to nothing.
    if (value !== undefined && (value !== '' || match[2] === undefined)) return take(value, 'variable');
    if (match[2] !== undefined) return take(match[2], 'variable');
    fail(
      `the environment variable ${match[1]} is not set. Set it, or give a default: \${${match[1]}:-value}.`,
    );
    return whole;
  });
}

/** The text of a secret file without the line break at its end; undefined, after `fail`, when unreadable. */
export function readSecretFile(
  path: string,
  read: ReadFile,
  fail: (message: string) => void,
): string | undefined {
  try {
    // Some editors put U+FEFF before what they save.
    return read(path).replace(/^\ufeff|\r?\n$/g, '');
  } catch (error) {
    fail(`the file ${path} cannot be read (${whyUnread(error)}).`);
    return undefined;
  }
}
