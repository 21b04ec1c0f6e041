import type { Clock } from '../../clock.ts';
import { noTraces, type Traces } from '../../observe/trace.ts';
import { type Grant, outcomeText } from '../outcome.ts';
import { createRevocations } from '../revocations.ts';
import type { Board } from './board.ts';
import { createMemoryCounts } from './counts.ts';
import { createGrantDesk } from './grant-desk.ts';
import { createHeld } from './held.ts';
import { createLocalPlace } from './local.ts';
import { createMemoryTurns, type MemoryTurns } from './memory-turns.ts';
import type { CallMessage, HeldByPrimary, WorkerLink } from './messages.ts';
import type { Place, Taken, Turns } from './shared.ts';

/** What the primary process holds for its workers. */
export interface PrimaryShared {
  /** The worker is gone: what it had begun is given to another. */
  left(worker: WorkerLink): void;
  received(worker: WorkerLink, message: CallMessage): Promise<void>;
}

type Continues = Pick<Traces, 'continued'>;

/** @param grant asks the providers, in this process: what it gets outlives the worker that asked for it */
export function createPrimaryShared(grant: Grant, clock: Clock, traces: Continues = noTraces): PrimaryShared {
  const workers = new Set<WorkerLink>();
  const desk = createGrantDesk(grant, workers, clock);
  // Sign-outs are kept for workers that start later; sessions are compared in the workers.
  const held = createHeld(createRevocations(clock), clock);
  const { revocations, board } = held;
  const turns = createMemoryTurns(board);
  const owners = createOwners();
  const place = createLocalPlace(held, clock);
  const { claims } = place;
  const counts = createMemoryCounts(clock);
  const table = createTableDesk(place);
  revocations.onRevoked((revocation) => {
    for (const worker of workers) worker.send({ kind: 'revoked', revocation });
  });

  const { take, post } = createTurnDesk(turns, board, owners);

  const answer = (worker: WorkerLink, request: CallMessage['request']): unknown => {
    switch (request.kind) {
      case 'join':
        workers.add(worker);
        desk.joined();
        for (const revocation of revocations.all()) worker.send({ kind: 'revoked', revocation });
        return true;
      case 'take':
        return take(worker, request);
      case 'post':
        return post(request);
      case 'release':
        return turns.release(request.key, request.holder);
      case 'grant':
        return traces.continued(request.traceparent, () =>
          desk.ask(worker, request.session, request.renewal).then(outcomeText),
        );
      case 'claim':
        return claims.claim(request.name, request.forMs);
      case 'count':
        return counts.add(request.counts);
      case 'held':
        return { posted: [...board.all()], claims: [...held.claims.all()] } satisfies HeldByPrimary;
      case 'publish':
        revocations.add(request.revocation);
        return true;
      default:
        return table(request);
    }
  };

  return {
    left(worker) {
      workers.delete(worker);
      turns.left(owners.nameOf(worker));
      desk.left(worker);
    },
    received: (worker, { call, request }) => reply(worker, call, async () => answer(worker, request)),
  };
}

/** Nothing that one worker asks, for one person, may end this process: all workers go with it. */
async function reply(worker: WorkerLink, call: number, answer: () => Promise<unknown>): Promise<void> {
  try {
    worker.send({ kind: 'reply', call, value: await answer() });
  } catch (error) {
    worker.send({ kind: 'reply', call, value: undefined, failure: (error as Error).message });
  }
}

type TableRequest = Request<
  'get' | 'set' | 'replace' | 'delete' | 'put-listing' | 'listings' | 'listing' | 'remove-listing'
>;

/** Keeps the sessions of workers. */
function createTableDesk({ sessions, listings }: Pick<Place, 'sessions' | 'listings'>) {
  return (request: TableRequest): unknown => {
    switch (request.kind) {
      case 'get':
        return sessions.get(request.id);
      case 'set':
        return sessions.set(request.id, request.value, request.ttlSeconds);
      case 'replace':
        return sessions.replace(request.id, request.was, request.value, request.ttlSeconds);
      case 'delete':
        return sessions.delete(request.id);
      case 'put-listing':
        return listings.put(request.listing, request.change);
      case 'listings':
        return listings.under(request.under);
      case 'listing':
        return listings.get(request.name);
      case 'remove-listing':
        return listings.remove(request.listing);
    }
  };
}

/** Gives turns to workers, and takes what came of them. */
function createTurnDesk(turns: MemoryTurns, board: Board, owners: ReturnType<typeof createOwners>) {
  const tellOfEnd = createEndTelling(turns);
  return {
    take(worker: WorkerLink, { key, unrepeatable }: Request<'take'>): Taken {
      const taken = turns.takeFor(owners.nameOf(worker), key, unrepeatable);
      if (taken.kind === 'taken') tellOfEnd(worker, key);
      return taken;
    },
    async post({ key, posted, holder, isAgain }: Request<'post'>) {
      // What stands here is as good or newer.
      if (isAgain && (board.read(key) ?? board.recall(key)) !== undefined) return;
      await turns.post(key, posted, holder);
    },
  };
}

/** Tells workers of the end of a turn, each once. */
function createEndTelling({ onEnd }: Pick<Turns, 'onEnd'>) {
  /** Workers that were told that a turn is taken, by its key. */
  const waiting = new Map<string, Set<WorkerLink>>();
  return (worker: WorkerLink, key: string): void => {
    const others = waiting.get(key);
    if (others) {
      others.add(worker);
      return;
    }
    const all = new Set([worker]);
    waiting.set(key, all);
    const off = onEnd(key, (value) => {
      off();
      waiting.delete(key);
      for (const each of all) each.send({ kind: 'ended', key, ...(value !== undefined && { value }) });
    });
  };
}

type Request<K extends CallMessage['request']['kind']> = Extract<CallMessage['request'], { kind: K }>;

/** A name for each worker, by which its turns are known. */
function createOwners() {
  const names = new WeakMap<WorkerLink, string>();
  let last = 0;
  return {
    nameOf(worker: WorkerLink): string {
      const name = names.get(worker) ?? String(++last);
      names.set(worker, name);
      return name;
    },
  };
}
