import cluster, { type Worker } from 'node:cluster';
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Emit } from '../observe/events.ts';
import type { Traces } from '../observe/trace.ts';
import type { Grant } from '../session/outcome.ts';
import { type CallMessage, gatewayNameVariable, type WorkerLink } from '../session/shared/messages.ts';
import { createPrimaryShared } from '../session/shared/primary.ts';
import { answerFarewell, sendDrain } from './farewell.ts';
import { keepHandedOver } from './handed-over.ts';
import { type Pulse, standardPulse, watchPulse } from './pulse.ts';

export interface WorkersOptions {
  count: number;
  emit: Emit;
  clock: Clock;
  /** Asks the providers, for all workers: the answer outlives the worker that asked. */
  grant: Grant;
  /** For what it asks them, the traces that workers have begun. */
  traces?: Traces | undefined;
  /**
   * Called with the exit code of a worker that ended before any of them could serve: a port that is taken, or a file
   * that cannot be read, will not get better by another try.
   */
  onFailure(code: number): void;
  /** Called for each worker as it is started. */
  started?(worker: Worker): void;
  /** When a worker counts as stuck. */
  pulse?: Pulse;
}

export interface Workers {
  /** Has every worker drain, those that are still to be started too. */
  drain(): void;
  /** Asks every worker to stop, and ends by force what takes longer; resolves when all have ended. */
  close(withinMs: number): Promise<void>;
}

/** A worker that ends sooner than this after its start is not started again at once. */
const settledMs = 5000;
const longestPauseMs = 10_000;

/** How long to wait with the next start after a worker that lived so long, both in milliseconds. */
function createPauses(): (livedMs: number) => number {
  let quickEnds = 0;
  return (livedMs) => {
    quickEnds = livedMs < settledMs ? quickEnds + 1 : 0;
    return quickEnds === 0 ? 0 : Math.min(longestPauseMs, 250 * 2 ** quickEnds);
  };
}

/** Starts the worker processes and keeps their number; they share the port, and this process what they share. */
export function startWorkers(options: WorkersOptions): Workers {
  const { count, emit, clock, grant, traces, onFailure, pulse = standardPulse } = options;
  const shared = createPrimaryShared(grant, clock, traces);
  const gateway = randomUUID();
  let stopping = false;
  const pauseAfter = createPauses();
  let hasServed = false;
  const listening = createListening();

  const start = () => {
    if (stopping) return;
    const startedAt = clock.monotonic();
    const worker = cluster.fork({ [gatewayNameVariable]: gateway });
    const link = linkTo(worker, shared);
    options.started?.(worker);
    let isReplaced = false;
    worker.on('listening', () => {
      hasServed = true;
    });
    listening.follow(worker);
    answerFarewell(worker, () => {
      if (stopping || isReplaced) return isReplaced;
      isReplaced = true;
      emit({ kind: 'worker-replaced', pid: worker.process.pid });
      start();
      return true;
    });
    endWhereStuck(worker, pulse, { emit, clock });
    worker.on('exit', (code, signal) => {
      shared.left(link);
      if (stopping || isReplaced) return;
      if (!hasServed && signal === null) {
        stopping = true;
        return onFailure(code);
      }
      const pauseMs = pauseAfter(clock.monotonic() - startedAt);
      emit({ kind: 'worker-ended', pid: worker.process.pid, code, signal, pauseMs });
      clock.after(pauseMs, start);
    });
  };
  for (let index = 0; index < count; index++) start();

  return {
    drain: listening.drain,
    async close(withinMs) {
      stopping = true;
      const workers = Object.values(cluster.workers ?? {}).flatMap((worker) => worker ?? []);
      await Promise.all(workers.map((worker) => stopWorker(worker, withinMs, emit, clock)));
    },
  };
}

/** The workers that take connections. */
function createListening() {
  const listening = new Set<Worker>();
  let isDraining = false;
  return {
    follow(worker: Worker): void {
      worker.on('listening', () => {
        listening.add(worker);
        // Before that it may not hear it.
        if (isDraining) sendDrain(worker);
      });
      const leave = () => listening.delete(worker);
      keepHandedOver(worker, () => [...listening].some((other) => other !== worker && other.isConnected()));
      worker.on('disconnect', leave);
      worker.on('exit', leave);
    },
    drain(): void {
      isDraining = true;
      for (const worker of listening) sendDrain(worker);
    },
  };
}

/** Has what all share answer the calls of a worker. */
function linkTo(
  worker: Worker,
  shared: Pick<ReturnType<typeof createPrimaryShared>, 'received'>,
): WorkerLink {
  const link: WorkerLink = {
    send: (message) => {
      // A worker that is just ending cannot be told any more, and need not be.
      if (worker.isConnected()) worker.send(message, () => {});
    },
  };
  worker.on('message', (message: CallMessage) => {
    if (message.kind === 'call') void shared.received(link, message);
  });
  return link;
}

function endWhereStuck(
  worker: Worker,
  pulse: Pulse,
  { emit, clock }: Pick<WorkersOptions, 'emit' | 'clock'>,
): void {
  watchPulse(worker, pulse, clock, () => {
    emit({ kind: 'worker-stuck', pid: worker.process.pid });
    worker.process.kill('SIGKILL');
  });
}

/** A worker that was asked before, by a signal to the whole group, takes this for the same wish. */
function stopWorker(worker: Worker, within: number, emit: Emit, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const limit = clock.after(within, () => {
      emit({ kind: 'worker-overdue', pid: worker.process.pid });
      worker.process.kill('SIGKILL');
    });
    worker.on('exit', () => {
      limit.cancel();
      resolve();
    });
    worker.process.kill('SIGTERM');
  });
}
