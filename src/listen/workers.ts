import cluster, { type Worker } from 'node:cluster';
import type { Logger } from '../observe/log.ts';
import type { CallMessage } from '../session/shared/messages.ts';
import { createPrimaryShared, type WorkerLink } from '../session/shared/primary.ts';

export interface Workers {
  /** Asks every worker to stop, as the signal would; resolves when all have. */
  close(): Promise<void>;
}

/** A worker that ends sooner than this after its start is not started again at once. */
const settledMs = 5000;
const longestPauseMs = 10_000;

/**
 * Starts the worker processes and keeps their number; they share the port, and this process what they share.
 * @param onFailure called with the exit code of a worker that ended before any of them could serve: a port that
 *   is taken, or a file that cannot be read, will not get better by another try
 */
export function startWorkers(count: number, log: Logger, onFailure: (code: number) => void): Workers {
  const shared = createPrimaryShared();
  let stopping = false;
  let quickEnds = 0;
  let hasServed = false;

  const start = () => {
    if (stopping) return;
    const startedAt = Date.now();
    const worker = cluster.fork();
    const link: WorkerLink = {
      send: (message) => {
        // A worker that is just ending cannot be told any more, and need not be.
        if (worker.isConnected()) worker.send(message, () => {});
      },
    };
    worker.on('message', (message: CallMessage) => {
      if (message.kind === 'call') void shared.received(link, message);
    });
    worker.on('listening', () => {
      hasServed = true;
    });
    worker.on('exit', (code, signal) => {
      shared.left(link);
      if (stopping) return;
      if (!hasServed && signal === null) {
        stopping = true;
        onFailure(code);
        return;
      }
      quickEnds = Date.now() - startedAt < settledMs ? quickEnds + 1 : 0;
      const pauseMs = quickEnds === 0 ? 0 : Math.min(longestPauseMs, 250 * 2 ** quickEnds);
      log.error({ pid: worker.process.pid, code, signal, pauseMs }, 'a worker ended; another is started');
      setTimeout(start, pauseMs);
    });
  };
  for (let index = 0; index < count; index++) start();

  return {
    async close() {
      stopping = true;
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
      await Promise.all(workers.map(stopWorker));
    },
  };
}

function stopWorker(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.on('exit', () => resolve());
    worker.process.kill('SIGTERM');
  });
}
