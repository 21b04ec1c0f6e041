import type { Config } from '../config/schema/index.ts';
import { KeyError, type ReadFile } from '../files.ts';

/**
 * Reads files as before, but an error also has the key of the configuration that names the file: whoever reads
 * `ENOENT: no such file` at night has to know where to look.
 */
export function namingKeys(config: Config, read: ReadFile): ReadFile {
  return (path) => {
    try {
      return read(path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const [key] = keysOf(config, path);
      if (key === undefined) throw error;
      // The code comes before the message wherever an error is described.
      const reason =
        code !== undefined && message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
      throw new KeyError(key, reason, code);
    }
  };
}

/** Where a configuration has a text, as the keys are written: there is no name for the only provider, or listener. */
function keysOf(config: Config, text: string): string[] {
  const found: string[] = [];
  const walk = (value: unknown, place: string) => {
    if (value === text) found.push(place);
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return;
    for (const [name, below] of Object.entries(value)) {
      const step = Array.isArray(value) ? `[${name}]` : place === '' ? name : `.${name}`;
      walk(below, place + step);
    }
  };
  const { providers, listen, secrets: _, ...rest } = config;
  const [only, ...others] = listen;
  const { default: unnamed, ...named } = providers;
  walk({ listen: others.length === 0 ? only : listen, provider: unnamed, providers: named, ...rest }, '');
  return found;
}
