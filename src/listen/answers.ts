import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The answer to the request that was read last from a connection. */
const lastAnswers = new WeakMap<Duplex, ServerResponse>();

/** Remembers the answers of a server, for `whenAnswered`. */
export function rememberAnswers(server: Server): void {
  const remember = ({ socket }: IncomingMessage, response: ServerResponse) => {
    lastAnswers.set(socket, response);
  };
  server.prependListener('request', remember);
  server.prependListener('checkContinue', remember);
}

/**
 * Calls back when all requests that were read from a connection have their whole answers, at once where they
 * have: only then may anything else be written to it. Answers leave in the order of their requests (RFC 9112
 * §9.3.2), so waiting for the last one is enough.
 */
export function whenAnswered(socket: Duplex, proceed: () => void): void {
  const answer = lastAnswers.get(socket);
  if (!answer || answer.closed) proceed();
  else answer.once('close', proceed);
}

/**
 * Ends a connection of which nothing more can be read with one last answer, in its place behind the others.
 * Where the request that cannot be read to its end has been answered in part, there is no such place.
 */
export function endWith(socket: Duplex, bytes: string): void {
  const answer = lastAnswers.get(socket);
  const isBodyBroken = answer !== undefined && !answer.closed && !answer.req.complete;
  if (!isBodyBroken) whenAnswered(socket, () => socket.end(bytes, 'latin1'));
  else if (answer.headersSent || answer.socket === null) socket.destroy();
  else socket.end(bytes, 'latin1');
}
