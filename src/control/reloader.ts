import { isDeepStrictEqual } from 'node:util';
import type { ReloadAnswer } from '../admin/controls.ts';
import type { LoadedConfig } from '../config/load.ts';
import { ConfigError, formatProblem } from '../config/problems.ts';
import { type Files, openFiles, readPromptly } from '../files.ts';
import type { Prepared } from '../gateway.ts';
import type { Emit } from '../observe/events.ts';
import { describeError } from '../observe/scrub.ts';
import { differingKeys } from '../plan/differences.ts';
import { usablePlan } from '../plan/usable.ts';
import { type Compiled, compareVersions, fixedKeys } from './differences.ts';
import type { Running } from './running.ts';

export interface ReloaderNeeds {
  running: Pick<Running, 'prepare'>;
  /** Reads the configuration, through these files. Throws ConfigError. */
  load(files: Files): LoadedConfig;
  /** Opens what else goes by the configuration, beside what runs. Rejects when it cannot be used. */
  prepareRest(next: LoadedConfig): Promise<Prepared>;
  emit: Emit;
}

/** What asked for a reload, for the log: a signal, a file that changed, or the admin listener. */
export type ReloadCause = 'SIGHUP' | 'watch' | 'admin';

export interface ReloadOptions {
  by: ReloadCause;
  /** Only says what would change. */
  dryRun?: boolean;
}

/** Has a gateway go on by the configuration as it is now. */
export interface Reloader {
  /** Never rejects. One at a time: who asks while another is under way gets one that begins after it. */
  reload(options: ReloadOptions): Promise<ReloadAnswer>;
  /** Resolves when none is under way or waits. */
  idle(): Promise<void>;
  /** The configuration in force. */
  inForce(): LoadedConfig;
  /** Every file that the configuration in force needs, or that the last attempt asked for. */
  paths(): readonly string[];
  /** What the file of a path was when it was read last. */
  markOf(path: string): string | undefined;
}

/** Reads, compiles and opens a configuration whole before any of it is in force. */
export function createReloader(first: LoadedConfig, needs: ReloaderNeeds): Reloader {
  const { running, load, prepareRest, emit } = needs;
  let inForce = compiled(first);
  let tried = first.files;
  let last: Promise<unknown> = Promise.resolve();
  const idle = async (): Promise<void> => {
    const awaited = last;
    await awaited;
    if (awaited !== last) await idle();
  };

  const attempt = async ({ by, dryRun = false }: ReloadOptions): Promise<ReloadAnswer> => {
    const files = openFiles({}, readPromptly);
    if (!dryRun) tried = files;
    const next = load(files);
    const before = inForce;
    const after = compiled(next);
    const fixed = differingKeys(first.config, next.config, fixedKeys);
    const answer: ReloadAnswer = {
      result: dryRun ? 'would-reload' : sameTexts(next, before.loaded) ? 'unchanged' : 'reloaded',
      // Nobody reads them of a signal.
      ...(by === 'admin' && (await told(before, after, fixed))),
      warnings: next.warnings,
    };
    if (dryRun) return answer;
    const rest = await prepareRest(next);
    const prepared = await running.prepare(next).catch(async (error: unknown) => {
      await rest.abort();
      throw error;
    });
    const committed = [prepared.commit(), rest.commit()];
    inForce = after;
    await Promise.all(committed);
    for (const warning of next.warnings) emit({ kind: 'configuration-doubted', warning });
    if (fixed.length > 0) emit({ kind: 'keys-fixed', keys: fixed });
    emit({ kind: 'reloaded', by, config: next.file ?? 'environment' });
    return answer;
  };
  const refused = (error: unknown, { by, dryRun }: ReloadOptions): ReloadAnswer => {
    const problems =
      error instanceof ConfigError ? error.problems.map(formatProblem) : [describeError(error)];
    if (!dryRun) emit({ kind: 'reload-refused', by, problems });
    return { result: 'refused', problems };
  };

  return {
    reload(options) {
      const done = last.then(() => attempt(options)).catch((error: unknown) => refused(error, options));
      last = done;
      return done;
    },
    idle,
    inForce: () => inForce.loaded,
    markOf: (path) => tried.markOf(path) ?? inForce.loaded.files.markOf(path),
    paths: () => [...new Set([...inForce.loaded.files.paths(), ...tried.paths()])],
  };
}

/** What cannot be compared is reloaded all the same. */
async function told(
  before: Compiled,
  after: Compiled,
  fixed: string[],
): Promise<Pick<Reloaded, 'differences'>> {
  const differences = await compareVersions(before, after).catch(() => undefined);
  return differences ? { differences: { ...differences, fixed } } : {};
}

type Reloaded = Exclude<ReloadAnswer, { result: 'refused' }>;

function compiled(loaded: LoadedConfig): Compiled {
  return { loaded, plan: usablePlan(loaded) };
}

const sameTexts = (one: LoadedConfig, other: LoadedConfig): boolean =>
  isDeepStrictEqual(one.files.texts(), other.files.texts());
