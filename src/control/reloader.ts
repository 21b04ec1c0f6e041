import type { ReloadAnswer } from '../admin/controls.ts';
import type { LoadedConfig } from '../config/load.ts';
import { ConfigError, formatProblem } from '../config/problems.ts';
import { type Files, openFiles } from '../files.ts';
import type { Prepared } from '../gateway.ts';
import type { Emit } from '../observe/events.ts';
import { describeError } from '../observe/scrub.ts';
import { differencesOf, isSameForAll } from '../plan/differences.ts';
import { compilePlan, type Plan } from '../plan/plan.ts';
import type { Running } from './running.ts';

/** What stays as it was until the gateway is started anew. */
const fixedKeys = ['workers'] as const;

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
  /** The configuration in force. */
  inForce(): LoadedConfig;
  /** Every file that the configuration in force needs, or that the last attempt asked for. */
  paths(): readonly string[];
}

/** Reads, compiles and opens a configuration whole before any of it is in force. */
export function createReloader(first: LoadedConfig, needs: ReloaderNeeds): Reloader {
  const { running, load, prepareRest, emit } = needs;
  let inForce = first;
  let planInForce = compilePlan(first.config, { read: first.files.read });
  let tried = first.files;
  let last: Promise<unknown> = Promise.resolve();

  const answerOf = (next: LoadedConfig, plan: Plan, result: Reloaded['result']): Reloaded => {
    const differences = differencesOf(planInForce, plan, { fixed: fixedKeys });
    const isSame = isSameForAll(differences) && sameTexts(next, inForce);
    return { result: isSame ? 'unchanged' : result, differences, warnings: next.warnings };
  };
  const attempt = async ({ by, dryRun = false }: ReloadOptions): Promise<ReloadAnswer> => {
    const files = openFiles();
    if (!dryRun) tried = files;
    const next = load(files);
    const plan = compilePlan(next.config, { read: files.read });
    const answer = answerOf(next, plan, dryRun ? 'would-reload' : 'reloaded');
    if (dryRun) return answer;
    const rest = await prepareRest(next);
    const prepared = await running.prepare(next).catch(async (error: unknown) => {
      await rest.abort();
      throw error;
    });
    prepared.commit();
    rest.commit();
    inForce = next;
    planInForce = plan;
    for (const warning of next.warnings) emit({ kind: 'configuration-doubted', warning });
    const fixed = fixedKeys.filter((key) => next.config[key] !== first.config[key]);
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
    inForce: () => inForce,
    paths: () => [...new Set([...inForce.files.paths(), ...tried.paths()])],
  };
}

type Reloaded = Exclude<ReloadAnswer, { result: 'refused' }>;

function sameTexts(one: LoadedConfig, other: LoadedConfig): boolean {
  return JSON.stringify(sorted(one.files.texts())) === JSON.stringify(sorted(other.files.texts()));
}

function sorted(texts: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(texts).sort(([one], [other]) => (one < other ? -1 : 1));
}
