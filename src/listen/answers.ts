import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * The requests of one connection, one at a time. Node's parser gives out every request that it finds in what it read,
 * thousands of small ones in 64 KiB, whatever became of those before. Here one of them is under way, and the others
 * wait for its whole answer. A request that waits has not begun: it is not decided, not logged and not sent upstream.
 */

type Handle = (request: IncomingMessage, response: ServerResponse) => void;
/** A request, or what is to happen in the place of one. */
type Turn = { response: ServerResponse; handle: Handle } | (() => void);

/** What a connection is at. One object for all of it: a property of a socket is dear to write on each request. */
interface Turns {
  /** The answer that is under way. */
  current: ServerResponse | undefined;
  /** What was read behind it, in order. */
  waiting: Turn[] | undefined;
  /** A request whose answer has ended, and whose body has not: what still comes of it is dropped. */
  unread: IncomingMessage | undefined;
}

const turns = Symbol('turns');
type Connection = Duplex & { [turns]?: Turns };

function turnsOf(socket: Connection): Turns {
  let found = socket[turns];
  if (!found) {
    found = { current: undefined, waiting: undefined, unread: undefined };
    socket[turns] = found;
  }
  return found;
}

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
  const line = turnsOf(request.socket);
  if (line.current === undefined) {
    line.current = response;
    handle(request, response);
    return true;
  }
  line.waiting ??= [];
  if (line.waiting.length >= mostWaiting) return false;
  line.waiting.push({ response, handle });
  return true;
}

/** An answer has closed: the next request has its turn. Where the connection has gone, those that wait go with it. */
export function endTurn({ req: request }: ServerResponse): void {
  const { socket } = request;
  const line = turnsOf(socket);
  // An idle connection should hold on to neither an answer nor its request.
  line.current = undefined;
  line.unread = request.complete ? undefined : request;
  if (line.waiting === undefined) return;
  const next = socket.writable ? line.waiting.shift() : undefined;
  if (next === undefined) {
    line.waiting = undefined;
  } else if (typeof next === 'function') {
    next();
  } else {
    line.current = next.response;
    next.handle(next.response.req, next.response);
  }
}

/** The answer that is under way on a connection. */
export function currentAnswer(socket: Connection): ServerResponse | undefined {
  return socket[turns]?.current;
}

/** The answers that a connection owes: the one that is under way, and those of the requests that wait. */
export function pendingAnswers(socket: Connection): ServerResponse[] {
  const { current, waiting = [] } = socket[turns] ?? {};
  const later = waiting.flatMap((turn) => (typeof turn === 'function' ? [] : [turn.response]));
  return current ? [current, ...later] : later;
}

/** Whether a request has ever begun on a connection. */
export function hasBegun(socket: Connection): boolean {
  return socket[turns] !== undefined;
}

/** Whether something was read behind the request whose answer is under way, and waits for its turn. */
export function isFollowed(socket: Connection): boolean {
  return (socket[turns]?.waiting ?? []).length > 0;
}

/** The request that was answered last on a connection that is between requests, where its body has not ended yet. */
export function unreadRequest(socket: Connection): IncomingMessage | undefined {
  const request = socket[turns]?.unread;
  return request?.complete ? undefined : request;
}

/**
 * Calls back when all requests that were read from a connection have their whole answers, at once where they have:
 * only then may anything else be written to it (RFC 9112 §9.3.2). Never, where the connection ends before.
 */
export function whenAnswered(socket: Connection, proceed: () => void): void {
  const line = turnsOf(socket);
  if (line.current === undefined) {
    proceed();
    return;
  }
  line.waiting ??= [];
  line.waiting.push(proceed);
}

/**
 * Ends a connection of which nothing more can be read with one last answer, in its place behind the others. Where
 * the request that cannot be read to its end has been answered in part, there is no such place.
 * @param answer makes the bytes; it gets the answer that was under way, where it is that request which is broken
 */
export function endWith(socket: Connection, answer: (broken: ServerResponse | undefined) => string): void {
  const { current: under, waiting = [] } = turnsOf(socket);
  const last = waiting.at(-1);
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
  if (typeof last === 'object' && !last.response.req.complete) waiting.pop();
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
