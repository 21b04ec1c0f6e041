import type { Socket } from 'node:net';

/**
 * What is written at the end of a turn of the event loop, when its events have been handled. A write wakes who
 * reads at the other end of the connection; of many that follow each other, on a busy gateway, most find the
 * reader awake, and cost less. An idle gateway has one event in a turn, so nothing waits there.
 */
export interface DeferredWrite {
  write(): void;
}

export interface TurnEnds {
  /** Calls `leave` once, at the end of this turn. It must not throw. */
  add(deferred: DeferredWrite): void;
  /** Makes a socket hold what is written to it until the end of the turn, however many writes that are. */
  hold(socket: Socket): void;
}

export function createTurnEnds(): TurnEnds {
  let waiting: DeferredWrite[] = [];
  const writeAll = () => {
    const all = waiting;
    waiting = [];
    for (const deferred of all) deferred.write();
  };
  const add = (deferred: DeferredWrite) => {
    if (waiting.push(deferred) === 1) setImmediate(writeAll);
  };
  return { add, hold: (socket) => hold(socket, add) };
}

function hold(socket: Socket, writeAtEndOfTurn: (deferred: DeferredWrite) => void): void {
  const write = socket.write as (...args: unknown[]) => boolean;
  const deferred = { write: () => socket.uncork() };
  socket.write = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      writeAtEndOfTurn(deferred);
    }
    return write.apply(socket, args);
  };
}
