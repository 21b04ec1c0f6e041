import type { Worker } from 'node:cluster';
import { type Clock, within } from '../clock.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Prepared } from '../gateway.ts';
import { createHoldings } from '../holdings.ts';
import { openGranter } from '../identity/granter.ts';
import { startWorkers } from '../listen/workers.ts';
import type { Observe } from '../observe/open-observe.ts';
import { compilePlan, readFilesOfProviders } from '../plan/plan.ts';
import type { Random } from '../random.ts';
import { type Line, openLine, toWorker } from './line.ts';
import type { PrimaryQuestion, SentVersion, WorkerQuestion } from './questions.ts';
import type { Running } from './running.ts';

export interface PrimaryNeeds {
  observe: Pick<Observe, 'emit' | 'keepSecrets' | 'apply'>;
  clock: Clock;
  random: Random;
  /** Called with the exit code of a worker that ended before any of them could serve. */
  onFailure(code: number): void;
}

/** A worker that goes by a version. */
interface Member {
  worker: Worker;
  line: Line;
  /** The version that it goes by. */
  number: number;
}

/** What calls to a provider get at the end. */
const longestReleaseMs = 1000;
/** Each worker looks for its providers and its store, of which neither takes so long. */
const longestPreparationMs = 30_000;

/** Starts the workers, and holds what they have in common: they are commanded as one. */
export async function startPrimary(first: LoadedConfig, needs: PrimaryNeeds): Promise<Running> {
  const { observe, clock, random, onFailure } = needs;
  const { emit, keepSecrets } = observe;
  const granter = openGranter({ emit, clock, random, holdings: createHoldings() });
  const grantBy = ({ config, files }: LoadedConfig) => {
    const { claims } = compilePlan(config, { read: files.read });
    return granter.adopt(config.providers, claims, files.read);
  };
  keepSecrets(first.config.secrets);
  readFilesOfProviders(first.config, first.files.read);
  await grantBy(first);
  // Every file of it is known now.
  let inForce = { loaded: first, sent: sentOf(first, 1) };
  let last = inForce.sent.number;

  const members = createMembers({ clock, version: () => inForce.sent });
  const workers = startWorkers({
    count: first.config.workers,
    emit,
    clock,
    grant: granter.grant,
    onFailure,
    started: members.join,
  });

  const prepare: Running['prepare'] = async (next) => {
    keepSecrets(next.config.secrets);
    try {
      return await prepareAll(next);
    } catch (error) {
      keepSecrets(inForce.loaded.config.secrets);
      throw error;
    }
  };
  const prepareAll = async (next: LoadedConfig): Promise<Prepared> => {
    compilePlan(next.config, { read: next.files.read });
    readFilesOfProviders(next.config, next.files.read);
    const sent = sentOf(next, ++last);
    const opened = await members.prepare(sent);
    const before = inForce.loaded;
    try {
      await grantBy(next);
    } catch (error) {
      await opened.abort();
      throw error;
    }
    return {
      commit() {
        const { logging } = inForce.loaded.config;
        if (JSON.stringify(logging) !== JSON.stringify(next.config.logging))
          observe.apply(next.config.logging);
        inForce = { loaded: next, sent };
        opened.commit();
      },
      async abort() {
        keepSecrets(before.config.secrets);
        await Promise.all([opened.abort(), grantBy(before)]);
      },
    };
  };

  return {
    prepare,
    async close() {
      await workers.close();
      // Calls to a provider that hang go with the process.
      await within(clock, longestReleaseMs, granter.close());
    },
  };
}

function sentOf({ file, files }: LoadedConfig, number: number): SentVersion {
  return { number, file, texts: files.texts() };
}

/** The workers, as far as they go by a version. */
function createMembers({ clock, version }: { clock: Clock; version: () => SentVersion }) {
  const members = new Set<Member>();

  const prepareOne = ({ line }: Member, sent: SentVersion) =>
    line.ask({ kind: 'prepare', version: sent } satisfies PrimaryQuestion, longestPreparationMs);
  const tell = ({ line }: Member, kind: 'commit' | 'abort') =>
    line.ask({ kind } satisfies PrimaryQuestion, longestPreparationMs);
  /** One that began while the others went on to another version. What cannot follow is started anew. */
  const catchUp = async (member: Member) => {
    const sent = version();
    try {
      await prepareOne(member, sent);
      await tell(member, 'commit');
      member.number = sent.number;
    } catch {
      if (members.has(member)) member.worker.process.kill('SIGKILL');
    }
  };

  return {
    join(worker: Worker): void {
      const answer = ({ kind }: WorkerQuestion) => {
        if (kind !== 'version') throw new Error('that is no question');
        const sent = version();
        const member: Member = { worker, line, number: sent.number };
        members.add(member);
        worker.once('exit', () => members.delete(member));
        return sent;
      };
      const line = openLine(toWorker(worker), clock, answer);
    },
    /** Rejects, with nothing changed, when one of them cannot use it; those that end meanwhile do not count. */
    async prepare(sent: SentVersion): Promise<Prepared> {
      const asked = [...members];
      const answers = await Promise.allSettled(asked.map((member) => prepareOne(member, sent)));
      const abort = async () => {
        const all = asked.filter((_, index) => answers[index]?.status === 'fulfilled');
        await Promise.allSettled(all.map((member) => tell(member, 'abort')));
      };
      for (const [index, answer] of answers.entries()) {
        if (answer.status === 'fulfilled' || !members.has(asked[index] as Member)) continue;
        await abort();
        throw answer.reason;
      }
      return {
        commit() {
          for (const member of members) {
            if (!asked.includes(member)) void catchUp(member);
            else {
              member.number = sent.number;
              void tell(member, 'commit').catch(() => {
                if (members.has(member)) member.worker.process.kill('SIGKILL');
              });
            }
          }
        },
        abort,
      };
    },
  };
}
