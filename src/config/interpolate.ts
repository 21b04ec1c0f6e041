import { readFileSync } from 'node:fs';
import type { ConfigPath } from './problems.ts';

export interface InterpolationFailure {
  path: ConfigPath;
  message: string;
}

/**
 * Puts values in place of `${NAME}`, `${NAME:-default}` and `${file:/path}` in every string of a parsed
 * document. It works on values, not on the file's text, so that no secret can change the structure.
 * `$${` stands for the characters `${`.
 */
export function interpolate(
  document: unknown,
  env: NodeJS.ProcessEnv,
  failures: InterpolationFailure[],
  path: ConfigPath = [],
): unknown {
  if (typeof document === 'string') {
    return interpolateText(document, env, (message) => failures.push({ path, message }));
  }
  if (Array.isArray(document)) {
    return document.map((item, index) => interpolate(item, env, failures, [...path, index]));
  }
  if (document !== null && typeof document === 'object') {
    return Object.fromEntries(
      Object.entries(document).map(([key, value]) => [
        key,
        interpolate(value, env, failures, [...path, key]),
      ]),
    );
  }
  return document;
}

function interpolateText(text: string, env: NodeJS.ProcessEnv, fail: (message: string) => void): string {
  return text.replace(/\$\$\{|\$\{([^}]*)\}/g, (whole: string, expression: string | undefined) => {
    if (expression === undefined) return '${';
    if (expression.startsWith('file:')) {
      return readSecretFile(expression.slice('file:'.length), fail) ?? whole;
    }
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(expression);
    if (match?.[1] === undefined) {
      fail(`\${${expression}} is not of the form \${NAME}, \${NAME:-default} or \${file:/path}.`);
      return whole;
    }
    const value = env[match[1]];
    // As in a shell, `:-` also stands in for a variable that is set to nothing.
    if (value !== undefined && (value !== '' || match[2] === undefined)) return value;
    if (match[2] !== undefined) return match[2];
    fail(
      `the environment variable ${match[1]} is not set. Set it, or give a default: \${${match[1]}:-value}.`,
    );
    return whole;
  });
}

/** The text of a secret file without the line break at its end; undefined, after `fail`, when unreadable. */
export function readSecretFile(path: string, fail: (message: string) => void): string | undefined {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    fail(`the file ${path} cannot be read (${reason}).`);
    return undefined;
  }
}
