import { proxyForm } from '../egress/proxy.ts';
import { readEgress, wrongNames } from '../egress/rules.ts';
import { type Files, openFiles } from '../files.ts';
import { findFile } from './find.ts';
import { configJsonSchema } from './json-schema.ts';
import { locate, type SourceOf } from './locate.ts';
import { merge } from './merge.ts';
import { normalise, type ReadConfig } from './normalise.ts';
import { parseText } from './parse.ts';
import { ConfigError, type Problem } from './problems.ts';
import { problemsOf } from './report.ts';
import type { Config } from './schema/index.ts';
import { secretsOf } from './secrets.ts';
import { showConfig } from './shown.ts';
import { validate } from './validate.ts';
import { warningsOf } from './warn.ts';

export interface LoadedConfig {
  config: Config;
  /** Sentences about what is allowed yet probably not meant. */
  warnings: string[];
  /** The file that was read; undefined when the environment alone was used. */
  file: string | undefined;
  /** The files that were read for it, and in which those are looked up that it names. */
  files: Files;
  /** Says where a key stands, for what is found out of it later. */
  sourceOf: SourceOf;
}

export interface LoadOptions {
  file?: string | undefined;
  env: NodeJS.ProcessEnv;
  /** What `${}` puts into header and basicAuth templates is `***`: for a configuration that is shown. */
  masked?: boolean | undefined;
  /** Where files are read; the disk as it is now when absent. */
  files?: Files | undefined;
}

/**
 * Finds, reads and validates the configuration: the named file, else `SALLYPORT_CONFIG`, else the standard
 * places, else the environment alone. Throws ConfigError with every problem at once.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { files = openFiles() } = options;
  const { file, text } = findFile(options.file, options.env, files.read);
  return parseConfig(text, { ...options, file, files });
}

/** Validates a configuration given as YAML or JSON text. Throws ConfigError with every problem at once. */
export function parseConfig(
  text: string,
  { file, env, masked = false, files = openFiles() }: LoadOptions,
): LoadedConfig {
  const schema = configJsonSchema();
  const parsed = parseText(text, file ?? 'environment');
  const merged = merge(parsed.document, { env, read: files.read, schema, masked });
  const { read, wrong } = validate(
    merged.document,
    schema,
    parsed.isEmpty && file !== undefined && merged.origins.size === 0,
  );
  const sourceOf = locate(file, parsed.placeOf, merged.origins);
  const problems = [
    ...problemsOf(wrong, merged, sourceOf),
    ...(read && asksOthers(read) ? proxyProblems(env) : []),
  ];
  if (problems.length > 0 || read === undefined) throw new ConfigError(problems);
  const secrets = secretsOf(merged.given, schema, merged.filled);
  const masking = { env, read: files.read, schema, masked: true };
  const shown = showConfig(merge(parsed.document, masking).document, { ...merged, schema, secrets });
  const config = normalise(read, { secrets, shown, egress: readEgress(env) });
  return { config, warnings: [...merged.warnings, ...warningsOf(config)], file, files, sourceOf };
}

/** Whether there is anybody whom a proxy of the environment would be for. */
const asksOthers = ({ provider, providers, bearer }: ReadConfig): boolean =>
  provider !== undefined || Object.keys(providers).length > 0 || bearer.length > 0;

/** A proxy that is not understood is not passed by in silence; its value may have a password. */
const proxyProblems = (env: NodeJS.ProcessEnv): Problem[] =>
  wrongNames(env).map((source) => ({ path: [], source, message: `expected ${proxyForm}.` }));
