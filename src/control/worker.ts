import type { Clock } from '../clock.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Gateway, Prepared } from '../gateway.ts';
import type { MetricValues } from '../observe/metrics/series.ts';
import { openLine, toPrimary } from './line.ts';
import type { Beginning, PrimaryQuestion, WorkerQuestion } from './questions.ts';
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
  hand(metrics: MetricValues[] | undefined): Promise<void>;
}

type Served = Pick<Gateway, 'prepare' | 'health' | 'metrics' | 'people'>;

/** What the primary is waited for at the start. */
const longestStartMs = 10_000;
/** And at the end: the last figures are not worth more. */
const longestHandMs = 500;

export async function openWorkerSide(clock: Clock, env: NodeJS.ProcessEnv): Promise<WorkerSide> {
  let serve: WorkerSide['serve'] = () => {};
  const served = new Promise<Served>((resolve) => {
    serve = resolve;
  });
  let opened: Prepared | undefined;
  let isLeaving = false;
  const answer = async (question: PrimaryQuestion): Promise<unknown> => {
    const gateway = await served;
    switch (question.kind) {
      case 'prepare':
        // What leaves ends by the version that it has, and hinders nobody else's next one.
        opened = await gateway.prepare(readSent(question.version, env)).catch((error: unknown) => {
          if (isLeaving) return undefined;
          throw error;
        });
        return undefined;
      case 'commit':
        opened?.commit();
        opened = undefined;
        return undefined;
      case 'abort':
        await opened?.abort();
        opened = undefined;
        return undefined;
      case 'health':
        if (isLeaving) throw new Error('this worker leaves');
        return gateway.health();
      case 'metrics':
        return gateway.metrics();
      case 'list':
        return gateway.people()?.list(question.user);
      case 'endAll':
        return gateway.people()?.endAll(question.user);
      case 'end':
        return gateway.people()?.end(question.id);
    }
  };
  const line = openLine(toPrimary, clock, answer);
  const question: WorkerQuestion = { kind: 'beginning' };
  const { version, adminUrl } = (await line.ask(question, longestStartMs)) as Beginning;
  return {
    loaded: readSent(version, env),
    admin: { url: adminUrl },
    serve,
    leave() {
      isLeaving = true;
    },
    async hand(metrics) {
      if (!metrics) return;
      const counted: WorkerQuestion = { kind: 'counted', metrics };
      await line.ask(counted, longestHandMs).catch(() => {});
    },
  };
}
