import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The answer to the request that was read last from a connection, until it has ended. */
const lastAnswer = Symbol('last answer');
type Connection = Duplex & { [lastAnswer]?: ServerResponse | undefined };

/** Remembers the answers of a server, for `whenAnswered`. */
export function rememberAnswers(server: Server): void {
  const remember = ({ socket }: IncomingMessage, response: ServerResponse) => {
    (socket as Connection)[lastAnswer] = response;
  };
  server.prependListener('request', remember);
  server.prependListener('checkContinue', remember);
}

/** To be called when an answer has ended: an idle connection should hold on to neither it nor its request. */
export function forgetAnswer(response: ServerResponse): void {
  const socket: Connection = response.req.socket;
  if (socket[lastAnswer] === response) socket[lastAnswer] = undefined;
}

/**
 * Calls back when all requests that were read from a connection have their whole answers, at once where they
 * have: only then may anything else be written to it. Answers leave in the order of their requests (RFC 9112
 * §9.3.2), so waiting for the last one is enough.
 */
export function whenAnswered(socket: Connection, proceed: () => void): void {
  const answer = socket[lastAnswer];
  if (!answer || answer.closed) proceed();
  else answer.once('close', proceed);
}

/**
 * Ends a connection of which nothing more can be read with one last answer, in its place behind the others.
 * Where the request that cannot be read to its end has been answered in part, there is no such place.
 */
export function endWith(socket: Connection, bytes: string): void {
  const answer = socket[lastAnswer];
  const isBodyBroken = answer !== undefined && !answer.closed && !answer.req.complete;
  if (!isBodyBroken) whenAnswered(socket, () => socket.end(bytes, 'latin1'));
  else if (answer.headersSent || answer.socket === null) socket.destroy();
  else socket.end(bytes, 'latin1');
}
