import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ReadFile, whyUnread } from '../files.ts';
import { ConfigError } from './problems.ts';

const standardFiles = ['./sallyport.yaml', '/etc/sallyport/sallyport.yaml'];

export interface FoundFile {
  /** The file that was read; undefined when there is none and the environment alone counts. */
  file: string | undefined;
  text: string;
}

/** Reads the named file, else `SALLYPORT_CONFIG`, else the first standard place that has one. */
export function findFile(named: string | undefined, env: NodeJS.ProcessEnv, read: ReadFile): FoundFile {
  const file = named ?? (env.SALLYPORT_CONFIG || standardFiles.find((path) => existsSync(path)));
  if (file === undefined) return { file, text: '' };
  try {
    return { file, text: read(file) };
  } catch (error) {
    const message = `the configuration file cannot be read (${whyUnread(error)}). Looked at ${resolve(file)}.`;
    throw new ConfigError([{ path: [], source: file, message }]);
  }
}
