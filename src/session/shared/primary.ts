import { createRevocations } from '../revocations.ts';
import { createBoard } from './board.ts';
import { createClaims } from './claims.ts';
import { createSessionTable } from './local.ts';
import type { CallMessage, PrimaryMessage, Taken } from './messages.ts';

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
  waiting: { worker: WorkerLink; reply(taken: Taken): void }[];
}

export function createPrimaryShared(): PrimaryShared {
  const workers = new Set<WorkerLink>();
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
    next.reply({ run: true, previous: board.recall(key) });
  };

  const take = (worker: WorkerLink, key: string): Promise<Taken> | Taken => {
    const value = board.read(key);
    if (value !== undefined) return { value };
    const lease = leases.get(key);
    if (!lease) {
      leases.set(key, { holder: worker, waiting: [] });
      return { run: true, previous: board.recall(key) };
    }
    return new Promise((reply) => lease.waiting.push({ worker, reply }));
  };

  const answer = (worker: WorkerLink, request: CallMessage['request']): unknown => {
    switch (request.kind) {
      case 'join':
        workers.add(worker);
        for (const revocation of revocations.all()) worker.send({ kind: 'revoked', revocation });
        return true;
      case 'take':
        return take(worker, request.key);
      case 'post': {
        board.post(request.key, request.posted);
        const lease = leases.get(request.key);
        leases.delete(request.key);
        for (const { reply } of lease?.waiting ?? []) reply({ value: request.posted.value });
        return true;
      }
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
        if (lease.holder === worker) passOn(key, lease);
      }
    },
    async received(worker, { call, request }) {
      worker.send({ kind: 'reply', call, value: await answer(worker, request) });
    },
  };
}
