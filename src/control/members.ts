import type { Worker } from 'node:cluster';
import type { ProcessStatus } from '../admin/status/facts.ts';
import type { Clock } from '../clock.ts';
import type { Prepared } from '../gateway.ts';
import type { Emit } from '../observe/events.ts';
import type { FiguresRead } from '../observe/figures/figures.ts';
import type { MetricValues } from '../observe/metrics/series.ts';
import { type Counting, type Counts, noCounts } from './counting.ts';
import { createFigureKeeper, type FigureKeeper, type FiguresOfWorker } from './figure-keeper.ts';
import { type Line, openLine, toWorker } from './line.ts';
import type { Beginning, PrimaryQuestion, SentVersion, WorkerQuestion } from './questions.ts';

/** A worker that goes by a version. */
interface Member {
  worker: Worker;
  line: Line;
  counts: Counts;
  figures: FiguresOfWorker;
}

/**
 * Each worker looks for its providers and its store, of which neither takes so long. One that is stuck is ended sooner
 * (pulse.ts), and then hinders nobody.
 */
const longestPreparationMs = 45_000;
/** Scrapers wait for ten seconds, mostly. */
const longestCountMs = 2000;

export interface MembersNeeds {
  emit: Emit;
  clock: Clock;
  /** The version in force. */
  version(): SentVersion;
  adminUrl(): string | undefined;
  counting: Counting;
}

/** What workers say for the status page. */
export interface Looked {
  processes: readonly ProcessStatus[];
  /** The figures of those that have ended, or did not answer in time. */
  others: readonly FiguresRead[];
}

/** The workers, as far as they go by a version. */
export interface Members {
  /** To be called for each worker as it is started. */
  join(worker: Worker): void;
  /** Rejects, with nothing changed, when one of them cannot use it; those that end meanwhile do not count. */
  prepare(sent: SentVersion): Promise<Prepared>;
  /** Asks all of them; gives the answers that came in time. */
  askAll(question: PrimaryQuestion, withinMs: number): Promise<Answers>;
  /** Asks any of them. Rejects where there is none, or none that answers. */
  askOne(question: PrimaryQuestion, withinMs: number): Promise<unknown>;
  /** Asks all of them what they have counted, those that have ended included. */
  count(): Promise<(readonly MetricValues[])[]>;
  /** Asks all of them for the status page. */
  look(): Promise<Looked>;
}

/** What came of a question to all workers. */
export interface Answers {
  answers: unknown[];
  /** How many are there and did not answer in time. */
  silent: number;
}

export function createMembers({ emit, clock, version, adminUrl, counting }: MembersNeeds): Members {
  const members = new Set<Member>();
  const figures = createFigureKeeper(clock);

  return {
    join(worker: Worker): void {
      let counts = noCounts;
      let shown: FiguresOfWorker | undefined;
      const answer = (question: WorkerQuestion) => {
        if (question.kind === 'counted') {
          if (question.metrics) counts.last(question.metrics);
          shown?.last(question.status.figures);
          return undefined;
        }
        if (question.kind !== 'beginning') throw new Error('that is no question');
        counts = counting.open();
        const ofWorker = figures.open();
        shown = ofWorker;
        const member: Member = { worker, line, counts, figures: ofWorker };
        members.add(member);
        worker.once('exit', () => {
          members.delete(member);
          counts.end();
          ofWorker.end();
        });
        return { version: version(), adminUrl: adminUrl() } satisfies Beginning;
      };
      const line = openLine(toWorker(worker), clock, answer);
    },
    async askAll(question, withinMs) {
      const asked = [...members];
      const settled = await Promise.allSettled(asked.map(({ line }) => line.ask(question, withinMs)));
      // One that has ended meanwhile is not there any more.
      const isSilent = (member: Member, at: number) =>
        settled[at]?.status === 'rejected' && members.has(member);
      return {
        answers: settled.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])),
        silent: asked.filter(isSilent).length,
      };
    },
    async askOne(question, withinMs) {
      if (members.size === 0) throw new Error('no worker is there');
      // A worker that is stuck would keep the question waiting, while others could answer.
      const answering = [...members].map(async (member) => {
        await member.line.ask({ kind: 'status' } satisfies PrimaryQuestion, longestCountMs);
        return member;
      });
      const { line } = await Promise.any(answering);
      return line.ask(question, withinMs);
    },
    async count() {
      await Promise.all([...members].map(askForCounts));
      return counting.all();
    },
    look: () => lookAt([...members], figures),
    prepare: createPreparing(stepsOf({ members, emit, version })),
  };
}

/** What one that is busy had counted before is less wrong than nothing. */
async function askForCounts({ line, counts }: Member): Promise<void> {
  const question: PrimaryQuestion = { kind: 'metrics' };
  const counted = await line.ask(question, longestCountMs).catch(() => undefined);
  if (counted) counts.last(counted as MetricValues[]);
}

async function lookAt(asked: readonly Member[], { ended }: FigureKeeper): Promise<Looked> {
  const answers = await Promise.all(asked.map(askForStatus));
  const silent = asked.filter((_member, at) => !answers[at]);
  return {
    processes: answers.filter((answer) => answer !== undefined),
    others: [ended(), ...silent.map(({ figures }) => figures.known())],
  };
}

/** Undefined of one that does not answer in time, whose figures are those of before. */
async function askForStatus({ line, figures }: Member): Promise<ProcessStatus | undefined> {
  const question: PrimaryQuestion = { kind: 'status' };
  const status = (await line.ask(question, longestCountMs).catch(() => undefined)) as
    | ProcessStatus
    | undefined;
  if (status) figures.last(status.figures);
  return status;
}

interface Steps {
  members: ReadonlySet<Member>;
  prepareOne(member: Member, sent: SentVersion): Promise<unknown>;
  tell(member: Member, kind: 'commit' | 'abort', sent: SentVersion): Promise<unknown>;
  goOn(member: Member, sent: SentVersion): Promise<unknown>;
  catchUp(member: Member): Promise<unknown>;
}

/** What is done to one of them on the way to another version. */
function stepsOf({
  members,
  emit,
  version,
}: Pick<MembersNeeds, 'emit' | 'version'> & Pick<Steps, 'members'>): Steps {
  const prepareOne = ({ line }: Member, sent: SentVersion) =>
    line.ask({ kind: 'prepare', version: sent } satisfies PrimaryQuestion, longestPreparationMs);
  const tell = ({ line }: Member, kind: 'commit' | 'abort', { number }: SentVersion) =>
    line.ask({ kind, number } satisfies PrimaryQuestion, longestPreparationMs);
  const startAnew = (member: Member, error: unknown) => {
    if (!members.has(member)) return;
    emit({ kind: 'worker-behind', pid: member.worker.process.pid, error });
    member.worker.process.kill('SIGKILL');
  };
  const goOn = (member: Member, sent: SentVersion) =>
    tell(member, 'commit', sent).catch((error: unknown) => startAnew(member, error));
  /** One that began while the others went on to another version. What cannot follow is started anew. */
  const catchUp = async (member: Member) => {
    const sent = version();
    try {
      await prepareOne(member, sent);
      await tell(member, 'commit', sent);
    } catch (error) {
      startAnew(member, error);
    }
  };
  return { members, prepareOne, tell, goOn, catchUp };
}

function createPreparing({ members, prepareOne, tell, goOn, catchUp }: Steps): Members['prepare'] {
  return async (sent) => {
    const asked = [...members];
    const answers = await Promise.allSettled(asked.map((member) => prepareOne(member, sent)));
    const abort = async () => {
      const told = asked.map((member) => tell(member, 'abort', sent).catch(() => {}));
      // Whoever did not answer in time is told as well, and not waited for again.
      await Promise.all(told.filter((_, index) => answers[index]?.status === 'fulfilled'));
    };
    const refusals = answers.filter((answer, index) =>
      isRefusal(answer, members.has(asked[index] as Member)),
    );
    // What no worker has opened may be a port that is taken: none of those to come could serve.
    const isOpened = answers.some((answer) => answer.status === 'fulfilled' && answer.value === true);
    if (refusals[0] || !isOpened) {
      await abort();
      throw refusals[0]?.reason ?? new Error('no worker is there that could try it: ask again when one is');
    }
    const commit = async () => {
      await Promise.all(
        [...members].map((member) => (asked.includes(member) ? goOn(member, sent) : catchUp(member))),
      );
    };
    return { commit, abort };
  };
}

/** What a worker that has ended meanwhile says does not count. */
function isRefusal(answer: PromiseSettledResult<unknown>, isThere: boolean): answer is PromiseRejectedResult {
  return answer.status === 'rejected' && isThere;
}
