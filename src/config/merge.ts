import { applyEnvironment } from './environment.ts';
import { type Filled, type InterpolationFailure, interpolate, type Surroundings } from './interpolate.ts';
import type { JsonSchema } from './json-schema.ts';
import { layPresets } from './presets/lay.ts';
import type { ConfigPath, Problem } from './problems.ts';
import { isTemplatePath, mask } from './secrets.ts';

export interface MergedDocument {
  /** What the file and the environment say, everything filled in. */
  given: unknown;
  /** The same over what its presets lay under it. */
  document: unknown;
  /** The environment variable that a value came from, by its path joined with dots. */
  origins: ReadonlyMap<string, string>;
  /** The values that something was filled into. */
  filled: readonly Filled[];
  /** The values that nothing could be filled into. */
  failures: readonly InterpolationFailure[];
  /** What is wrong with environment variables. */
  problems: readonly Problem[];
  warnings: readonly string[];
}

export interface MergeOptions extends Surroundings {
  schema: JsonSchema;
  /** What `${}` puts into header and basicAuth templates is `***`. */
  masked: boolean;
}

/** Lays over each other, from the bottom: presets, the file with its `${}` filled in, the environment. */
export function merge(file: unknown, { env, read, schema, masked }: MergeOptions): MergedDocument {
  const instead = (path: ConfigPath) => (masked && isTemplatePath(path) ? mask : undefined);
  const { document: written, failures, filled } = interpolate(file, { env, read }, instead);
  const { document: given, origins, warnings, problems } = applyEnvironment(written, { env, read }, schema);
  // A variable replaces the whole value, so that it does not matter what could not be filled in.
  const left = failures.filter(({ path }) => !origins.has(path.join('.')));
  return { given, document: layPresets(given), origins, filled, failures: left, problems, warnings };
}
