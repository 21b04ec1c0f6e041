import type { ProcessStatus } from '../admin/status/facts.ts';
import type { Clock } from '../clock.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Gateway, Prepared } from '../gateway.ts';
import type { MetricValues } from '../observe/metrics/series.ts';
import { type Channel, openLine, toPrimary } from './line.ts';
import type { Beginning, PrimaryQuestion, SentVersion, WorkerQuestion } from './questions.ts';
import { readSent } from './version.ts';

/** A worker's side of what is done with all of them together. */
export interface WorkerSide {
  /** The version that is in force, by the texts that the primary process has read. */
  loaded: LoadedConfig;
  /** Where the admin listener of all of them is. */
  admin: { url: string | undefined };
  /** From now on the primary is answered. */
  serve(gateway: Served): void;
  /** From now on it is no part of how the gateway stands. */
  leave(): void;
  /** Hands over what it has counted, before it ends. Never rejects. */
  hand(metrics: MetricValues[] | undefined, status: ProcessStatus): Promise<void>;
}

type Served = Pick<Gateway, 'prepare' | 'health' | 'metrics' | 'status' | 'people'>;

/** What the primary is waited for at the start. */
const longestStartMs = 10_000;
/** And at the end: the last figures are not worth more. */
const longestHandMs = 500;

/** Opens the line to the primary process. Rejects where that does not answer at the start. */
export async function openWorkerSide(
  clock: Clock,
  env: NodeJS.ProcessEnv,
  channel: Channel = toPrimary,
): Promise<WorkerSide> {
  let serve: WorkerSide['serve'] = () => {};
  const served = new Promise<Served>((resolve) => {
    serve = resolve;
  });
  let isLeaving = false;
  const versions = openVersions(env, () => isLeaving);
  const answer = async (question: PrimaryQuestion): Promise<unknown> => {
    const gateway = await served;
    switch (question.kind) {
      case 'prepare':
        return versions.prepare(gateway, question.version);
      case 'commit':
        await versions.take(question.number)?.commit();
        return undefined;
      case 'abort':
        await versions.abandon(question.number);
        return undefined;
      case 'health':
        if (isLeaving) throw new Error('this worker leaves');
        return gateway.health();
      case 'metrics':
        return gateway.metrics();
      case 'status':
        return gateway.status();
      case 'list':
        return gateway.people()?.list(question.user);
      case 'endAll':
        return gateway.people()?.endAll(question.user);
      case 'end':
        return gateway.people()?.end(question.id);
    }
  };
  const line = openLine(channel, clock, answer);
  const question: WorkerQuestion = { kind: 'beginning' };
  const { version, adminUrl } = (await line.ask(question, longestStartMs)) as Beginning;
  return {
    loaded: readSent(version, env),
    admin: { url: adminUrl },
    serve,
    leave() {
      isLeaving = true;
    },
    async hand(metrics, status) {
      const counted: WorkerQuestion = { kind: 'counted', metrics, status };
      await line.ask(counted, longestHandMs).catch(() => {});
    },
  };
}

/** The versions that are opened, or being opened, and not in force. */
function openVersions(env: NodeJS.ProcessEnv, isLeaving: () => boolean) {
  const opened = new Map<number, Prepared>();
  /** No version up to this one is wanted, unless it is opened already. */
  let abandoned = 0;
  const take = (number: number) => {
    const prepared = opened.get(number);
    opened.delete(number);
    return prepared;
  };
  return {
    take,
    async abandon(number: number): Promise<void> {
      abandoned = Math.max(abandoned, number);
      await take(number)?.abort();
    },
    async prepare(gateway: Served, version: SentVersion): Promise<boolean> {
      try {
        const prepared = await gateway.prepare(readSent(version, env));
        opened.set(version.number, prepared);
      } catch (error) {
        // What leaves ends by the version that it has, and hinders nobody else's next one.
        if (isLeaving()) return false;
        throw error;
      }
      if (version.number > abandoned) return true;
      // Its primary did not wait for so long. Kept open, it would hold up every version to come.
      await take(version.number)?.abort();
      return false;
    },
  };
}
