import type { Clock } from '../clock.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Gateway, Prepared } from '../gateway.ts';
import { type Channel, openLine, toPrimary } from './line.ts';
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

export async function openWorkerSide(
  clock: Clock,
  env: NodeJS.ProcessEnv,
  channel: Channel = toPrimary,
): Promise<WorkerSide> {
  let serve: WorkerSide['serve'] = () => {};
  const served = new Promise<Served>((resolve) => {
    serve = resolve;
  });
  const opened = createOpened();
  let isLeaving = false;
  const answer = async (question: PrimaryQuestion): Promise<unknown> => {
    const gateway = await served;
    switch (question.kind) {
      case 'prepare':
        // What leaves ends by the version that it has, and hinders nobody else's next one.
        await opened.add(
          question.version.number,
          gateway.prepare(readSent(question.version, env)).catch((error: unknown) => {
            if (isLeaving) return undefined;
            throw error;
          }),
        );
        return undefined;
      case 'commit':
        (await opened.take(question.number))?.commit();
        return undefined;
      case 'abort':
        // One that was refused has nothing to give back.
        await (await opened.take(question.number).catch(() => undefined))?.abort();
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
  };
}

/** Versions that are opened, by their numbers. Two may be on their way at once: one to catch up with, and the next one. */
function createOpened() {
  const all = new Map<number, Promise<Prepared | undefined>>();
  return {
    async add(number: number, preparing: Promise<Prepared | undefined>): Promise<void> {
      all.set(number, preparing);
      await preparing;
    },
    async take(number: number): Promise<Prepared | undefined> {
      const preparing = all.get(number);
      all.delete(number);
      return preparing;
    },
  };
}
