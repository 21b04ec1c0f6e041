import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * The requests of one connection, one at a time. Node's parser gives out every request that it finds in what it read,
 * thousands of small ones in 64 KiB, whatever became of those before. Here one of them is under way, and the others
 * wait for its whole answer. A request that waits has not begun: it is not decided, not logged and not sent upstream.
 */

/** The answer that is under way. */
const current = Symbol('current answer');
/** What was read behind it, in order. */
const waiting = Symbol('waiting');
/** A request whose answer has ended, and whose body has not: what still comes of it is dropped. */
const unread = Symbol('unread');

type Handle = (request: IncomingMessage, response: ServerResponse) => void;
/** A request, or what is to happen in the place of one. */
type Turn = { response: ServerResponse; handle: Handle } | (() => void);

type Connection = Duplex & {
  [current]?: ServerResponse | undefined;
  [waiting]?: Turn[] | undefined;
  [unread]?: IncomingMessage | undefined;
};

/**
 * Requests that may wait in one connection. Programs that do not wait for answers send some ten (apt) or sixteen
 * (benchmarks); each that waits costs some KiB.
 */
export const mostWaiting = 100;

/**
 * Takes a request when those before it on its connection have their answers; at once where there are none. Whoever
 * takes it calls `endTurn` when the answer has closed. False when too many wait already: then it is never taken.
 */
export function takeTurn(response: ServerResponse, handle: Handle): boolean {
  const { req: request } = response;
  const socket: Connection = request.socket;
  if (socket[current] === undefined) {
    socket[current] = response;
    handle(request, response);
    return true;
  }
  const turns = waitingOf(socket);
  if (turns.length >= mostWaiting) return false;
  turns.push({ response, handle });
  return true;
}

function waitingOf(socket: Connection): Turn[] {
  socket[waiting] ??= [];
  return socket[waiting];
}

/** An answer has closed: the next request has its turn. Where the connection has gone, those that wait go with it. */
export function endTurn({ req: request }: ServerResponse): void {
  const socket: Connection = request.socket;
  const next = socket.writable ? socket[waiting]?.shift() : undefined;
  socket[unread] = request.complete ? undefined : request;
  if (next === undefined) {
    // An idle connection should hold on to neither an answer nor its request.
    socket[current] = undefined;
    socket[waiting] = undefined;
  } else if (typeof next === 'function') {
    socket[current] = undefined;
    next();
  } else {
    socket[current] = next.response;
    next.handle(next.response.req, next.response);
  }
}

/** The answer that is under way on a connection. */
export function currentAnswer(socket: Duplex): ServerResponse | undefined {
  return (socket as Connection)[current];
}

/** The request that was answered last on a connection that is between requests, where its body has not ended yet. */
export function unreadRequest(socket: Duplex): IncomingMessage | undefined {
  const request = (socket as Connection)[unread];
  return request?.complete ? undefined : request;
}

/**
 * Calls back when all requests that were read from a connection have their whole answers, at once where they have:
 * only then may anything else be written to it (RFC 9112 §9.3.2). Never, where the connection ends before.
 */
export function whenAnswered(socket: Connection, proceed: () => void): void {
  if (socket[current] === undefined) proceed();
  else waitingOf(socket).push(proceed);
}

/**
 * Ends a connection of which nothing more can be read with one last answer, in its place behind the others. Where
 * the request that cannot be read to its end has been answered in part, there is no such place.
 * @param answer makes the bytes; it gets the answer that was under way, where it is that request which is broken
 */
export function endWith(socket: Connection, answer: (broken: ServerResponse | undefined) => string): void {
  const turns = socket[waiting] ?? [];
  const last = turns.at(-1);
  const under = socket[current];
  if (under === undefined && unreadRequest(socket)) {
    // It had its answer before the end of its body; another would be taken for that of the next request.
    endInOrder(socket, '');
    return;
  }
  if (last === undefined && under !== undefined && !under.req.complete) {
    if (under.headersSent || under.socket === null) socket.destroy();
    else endInOrder(socket, answer(under));
    return;
  }
  // One that waits for its turn with half a body will never have one.
  if (typeof last === 'object' && !last.response.req.complete) turns.pop();
  whenAnswered(socket, () => endInOrder(socket, answer(undefined)));
}

/**
 * Sends the last bytes of a connection. It closes when the other side does, or at the limit of `watchSilence`:
 * closing it while the other side still sends would break it, and the bytes would be lost.
 */
export function endInOrder(socket: Duplex, bytes: string): void {
  socket.end(bytes, 'latin1');
  socket.resume();
}
