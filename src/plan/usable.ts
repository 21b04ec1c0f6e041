import type { LoadedConfig } from '../config/load.ts';
import { ConfigError, parsePath } from '../config/problems.ts';
import { KeyError } from '../files.ts';
import { compilePlan, type Plan, readFilesOfProviders } from './plan.ts';

/**
 * Compiles what was loaded, and reads the rest of its files. Opens nothing. Throws ConfigError, with the place of the key,
 * where a file cannot be used.
 */
export function usablePlan(loaded: LoadedConfig): Plan {
  const { config, files, sourceOf } = loaded;
  try {
    const plan = compilePlan(config, { read: files.read });
    readFilesOfProviders(config, files.read);
    return plan;
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    const { key, reason, code } = error;
    const path = parsePath(key);
    const message = `${code === undefined ? '' : `${code}: `}${reason}.`;
    throw new ConfigError([{ path, source: sourceOf(path), message }]);
  }
}
