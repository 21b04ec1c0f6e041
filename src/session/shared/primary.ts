import type { Grant } from '../refresh.ts';
import { createRevocations } from '../revocations.ts';
import { createBoard } from './board.ts';
import { createClaims } from './claims.ts';
import { createGrantDesk } from './grant-desk.ts';
import { createSessionTable } from './local.ts';
import type { CallMessage, Lost, PrimaryMessage, Taken } from './messages.ts';
import type { Posted } from './shared.ts';

/** A worker, as the primary talks to it. */
export interface WorkerLink {
  send(message: PrimaryMessage): void;
}

/** What the primary process holds for its workers. */
export interface PrimaryShared {
  /** The worker is gone: what it had begun is given to another. */
  left(worker: WorkerLink): void;
  received(worker: WorkerLink, message: CallMessage): Promise<void>;
}

interface Lease {
  holder: WorkerLink;
  lost: Lost | undefined;
  waiting: { worker: WorkerLink; lost: Lost | undefined; reply(taken: Taken): void }[];
}

/** @param grant asks the providers, in this process: what it gets outlives the worker that asked for it */
export function createPrimaryShared(grant: Grant): PrimaryShared {
  const workers = new Set<WorkerLink>();
  const desk = createGrantDesk(grant, workers);
  const leases = new Map<string, Lease>();
  const board = createBoard();
  const claims = createClaims();
  const sessions = createSessionTable();
  // Kept for workers that start later; sessions are compared in the workers.
  const revocations = createRevocations();
  revocations.onRevoked((revocation) => {
    for (const worker of workers) worker.send({ kind: 'revoked', revocation });
  });

  /** The holder gave up: the next in line does the work. */
  const passOn = (key: string, lease: Lease) => {
    const next = lease.waiting.shift();
    if (!next) {
      leases.delete(key);
      return;
    }
    lease.holder = next.worker;
    lease.lost = next.lost;
    next.reply({ run: true, previous: board.recall(key) });
  };

  const take = (worker: WorkerLink, key: string, lost: Lost | undefined): Promise<Taken> | Taken => {
    const value = board.read(key);
    if (value !== undefined) return { value };
    const lease = leases.get(key);
    if (!lease) {
      leases.set(key, { holder: worker, lost, waiting: [] });
      return { run: true, previous: board.recall(key) };
    }
    return new Promise((reply) => lease.waiting.push({ worker, lost, reply }));
  };

  const post = (key: string, posted: Posted) => {
    board.post(key, posted);
    const lease = leases.get(key);
    leases.delete(key);
    for (const { reply } of lease?.waiting ?? []) reply({ value: posted.value });
  };

  const answer = (worker: WorkerLink, request: CallMessage['request']): unknown => {
    switch (request.kind) {
      case 'join':
        workers.add(worker);
        desk.joined();
        for (const revocation of revocations.all()) worker.send({ kind: 'revoked', revocation });
        return true;
      case 'take':
        return take(worker, request.key, request.lost);
      case 'grant':
        return desk.ask(worker, request.session, request.renewal);
      case 'post':
        post(request.key, request.posted);
        return true;
      case 'settle':
        board.post(request.key, request.posted);
        return true;
      case 'release': {
        const lease = leases.get(request.key);
        if (lease?.holder === worker) passOn(request.key, lease);
        return true;
      }
      case 'claim':
        return claims.take(request.name, request.forMs);
      case 'get':
        return sessions.get(request.id);
      case 'set':
        return sessions.set(request.id, request.value, request.ttlSeconds);
      case 'delete':
        return sessions.delete(request.id);
      case 'publish':
        revocations.add(request.revocation);
        return true;
    }
  };

  return {
    left(worker) {
      workers.delete(worker);
      for (const [key, lease] of leases) {
        lease.waiting = lease.waiting.filter((waiting) => waiting.worker !== worker);
        if (lease.holder !== worker) continue;
        if (lease.lost) post(key, { value: lease.lost.value, lingerMs: lease.lost.forMs });
        else passOn(key, lease);
      }
      desk.left(worker);
    },
    async received(worker, { call, request }) {
      worker.send({ kind: 'reply', call, value: await answer(worker, request) });
    },
  };
}
