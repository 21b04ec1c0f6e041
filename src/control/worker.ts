import type { Clock } from '../clock.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Gateway, Prepared } from '../gateway.ts';
import { openLine, toPrimary } from './line.ts';
import type { PrimaryQuestion, SentVersion, WorkerQuestion } from './questions.ts';
import { readSent } from './version.ts';

/** A worker's side of what is done with all of them together. */
export interface WorkerSide {
  /** The version that is in force, by the texts that the primary process has read. */
  loaded: LoadedConfig;
  /** From now on the primary is answered. */
  serve(gateway: Pick<Gateway, 'prepare'>): void;
}

/** What the primary is waited for at the start. */
const longestStartMs = 10_000;

export async function openWorkerSide(clock: Clock, env: NodeJS.ProcessEnv): Promise<WorkerSide> {
  let serve: WorkerSide['serve'] = () => {};
  const served = new Promise<Pick<Gateway, 'prepare'>>((resolve) => {
    serve = resolve;
  });
  let opened: Prepared | undefined;
  const answer = async (question: PrimaryQuestion) => {
    const gateway = await served;
    switch (question.kind) {
      case 'prepare':
        opened = await gateway.prepare(readSent(question.version, env));
        return;
      case 'commit':
        opened?.commit();
        opened = undefined;
        return;
      case 'abort':
        await opened?.abort();
        opened = undefined;
    }
  };
  const line = openLine(toPrimary, clock, answer);
  const question: WorkerQuestion = { kind: 'version' };
  const version = (await line.ask(question, longestStartMs)) as SentVersion;
  return { loaded: readSent(version, env), serve };
}
