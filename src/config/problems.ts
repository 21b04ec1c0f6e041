/** EX_CONFIG of sysexits.h: the exit code for a configuration that cannot be used. */
export const exitCodeConfig = 78;

/** Where in the configuration something stands: keys and list positions from the top. */
export type ConfigPath = readonly (string | number)[];

export interface Problem {
  path: ConfigPath;
  /** The file and line, or the environment variable, that the value came from. */
  source: string;
  /** A whole sentence: what is wrong and what was expected. */
  message: string;
}

/** `routes[0].path`: how a path is written in messages and documents. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** The path of a key as `formatPath` writes it. */
export const parsePath = (text: string): ConfigPath =>
  [...text.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([step, index]) =>
    index === undefined ? step : Number(index),
  );

/** Everything that is wrong with a configuration, at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** One line: where it stands, and what is wrong. */
export function formatProblem({ path, source, message }: Problem): string {
  const place = formatPath(path);
  return place === '' ? `${source}: ${message}` : `${source}: ${place}: ${message}`;
}
