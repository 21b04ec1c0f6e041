import type { Clock } from '../clock.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Gateway, Prepared } from '../gateway.ts';
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
}

type Served = Pick<Gateway, 'prepare' | 'health' | 'people'>;

/** What the primary is waited for at the start. */
const longestStartMs = 10_000;

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
        opened = await gateway.prepare(readSent(question.version, env));
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
  };
}
