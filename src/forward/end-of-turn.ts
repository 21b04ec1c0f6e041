import type { Socket } from 'node:net';

/**
 * What is written at the end of a turn of the event loop, when its events have been handled. A write wakes who
 * reads at the other end of the connection; of many that follow each other, on a busy gateway, most find the
 * reader awake, and cost less. An idle gateway has one event in a turn, so nothing waits there.
 */
export interface Leaving {
  leave(): void;
}

let waiting: Leaving[] = [];

/** Calls `leave` once, at the end of this turn. It must not throw. */
export function leaveAtEndOfTurn(leaving: Leaving): void {
  if (waiting.push(leaving) === 1) setImmediate(leaveAll);
}

function leaveAll(): void {
  const all = waiting;
  waiting = [];
  for (const leaving of all) leaving.leave();
}

/** Makes a socket hold what is written to it until the end of the turn, however many writes that are. */
export function holdUntilEndOfTurn(socket: Socket): void {
  const write = socket.write as (...args: unknown[]) => boolean;
  const leaving = { leave: () => socket.uncork() };
  socket.write = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      leaveAtEndOfTurn(leaving);
    }
    return write.apply(socket, args);
  };
}
