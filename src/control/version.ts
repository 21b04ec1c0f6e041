import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { openFiles } from '../files.ts';
import type { SentVersion } from './questions.ts';

/** A version as plain data, for another process or thread. */
export function sentOf({ file, files }: LoadedConfig, number: number): SentVersion {
  return { number, file, texts: files.texts() };
}

/** Reads the configuration from what was sent; nothing of it is looked up on the disk again. */
export function readSent({ file, texts }: SentVersion, env: NodeJS.ProcessEnv): LoadedConfig {
  return loadConfig({ file, env, files: openFiles(texts) });
}
