import type { Worker } from 'node:cluster';

/** What Node's cluster module sends to a worker with a connection, and what it hears back. */
interface Internal {
  cmd?: string;
  act?: string;
  seq?: number;
  ack?: number;
}

/**
 * A connection that was handed to a worker which ended before it took it is given to another one; where there is none,
 * it is closed. Node forgets it: it would stay open, and nobody would answer.
 *
 * The messages are those of node:cluster (lib/internal/cluster/utils.js), the same ones from Node 20 to 24. Where they
 * change, nothing is found here, and nothing else changes.
 *
 * @param hasOthers whether another worker takes connections
 */
export function keepHandedOver(worker: Worker, hasOthers: () => boolean): void {
  const child = worker.process;
  const untaken = new Set<number>();
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  child.send = (...args: unknown[]) => {
    const { cmd, act, seq } = (args[0] ?? {}) as Internal;
    if (cmd === 'NODE_CLUSTER' && act === 'newconn' && seq !== undefined) untaken.add(seq);
    return send(...args);
  };
  child.on('internalMessage', ({ cmd, ack }: Internal) => {
    if (cmd === 'NODE_CLUSTER' && ack !== undefined) untaken.delete(ack);
  });
  const giveBack = () => {
    // Only then the worker is no longer one of those that connections are given to.
    if (worker.isConnected()) return;
    for (const ack of untaken) {
      // As the worker itself refuses what it cannot take; what is taken is closed on this side.
      child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack, accepted: !hasOthers() });
    }
    untaken.clear();
  };
  // The channel of a process that ended with a connection untaken waits for ever, and is never said to be closed.
  worker.once('exit', giveBack);
  worker.once('disconnect', giveBack);
}
