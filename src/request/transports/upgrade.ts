import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { GatewayError } from '../../errors.ts';
import { readEarly } from '../../forward/early-bytes.ts';
import { currentAnswer, endInOrder, whenAnswered } from '../../listen/answers.ts';
import { wireFormat } from '../../listen/write-answer.ts';
import { logLeft, logRequest } from '../../observe/access-log.ts';
import type { Logger } from '../../observe/log.ts';
import { type Answer, withCookies } from '../../pages/answer.ts';
import { endExchange } from '../exchange.ts';
import { refusalOf } from '../logins.ts';
import type { Arrival, Outcome } from '../outcome.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Entry, EntryOf } from './entry.ts';
import { isWebSocket, withoutUpgrade } from './without-upgrade.ts';

export interface UpgradeNeeds {
  /** The pipeline of requests that come in now. */
  current(): Pipeline;
  /** The same as that of HTTP requests. */
  entryOf: EntryOf;
  log: Logger;
}

/** Takes WebSocket handshakes through the same stages as any request, and refuses CONNECT. */
export function openUpgrades(server: Server, { current, entryOf, log }: UpgradeNeeds): void {
  // Node does not wait for the answers of requests that came before on the connection.
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    inTurn(socket, head, () => {
      createHandshake(entryOf(request), socket, log).refuse(new GatewayError('method_not_allowed'));
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    inTurn(socket, head, (early) => {
      if (socket.destroyed) return;
      if (isWebSocket(request) && !current().isQuestion(request))
        passHandshake(entryOf(request), socket, early, log);
      else giveBack(server, request, socket, early);
    });
  });
}

/** What asks for no WebSocket is answered as if it had not asked for an upgrade. */
function giveBack(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  // A TLS server takes what comes by `connection` for ciphertext.
  const event = socket instanceof TLSSocket ? 'secureConnection' : 'connection';
  server.emit(event, withoutUpgrade(request, socket, head));
  // It does not flow by itself where it was read from in the meantime.
  if (socket.isPaused()) socket.resume();
}

/** Calls back when everything before has its answer; a client that leaves before takes all of it along. */
function inTurn(socket: Socket, head: Buffer, proceed: (head: Buffer) => void): void {
  if (!currentAnswer(socket)) {
    proceed(head);
    return;
  }
  const early = readEarly(socket, head, () => socket.destroy());
  whenAnswered(socket, () => proceed(early.take()));
}

const handshake: Arrival = { via: 'upgrade' };

function passHandshake(entry: Entry, socket: Socket, head: Buffer, log: Logger): void {
  const { pipeline, exchange } = entry;
  const { answer, refuse, left, hasLeft, answered } = createHandshake(entry, socket, log);
  const early = readEarly(socket, head, left);
  const render = (outcome: Outcome) => {
    // The client may have left while the session was looked up.
    if (hasLeft()) return;
    const taken = early.take();
    switch (outcome.kind) {
      case 'forward': {
        const { setCookies } = outcome.forwarding;
        const fail = (error: GatewayError) => refuse(error, setCookies);
        pipeline.openTunnel(outcome, { socket, head: taken, answered, fail, left });
        break;
      }
      case 'login':
      case 'step-up':
        refuse(refusalOf(outcome));
        break;
      case 'answer':
        answer(outcome.answer);
        break;
      case 'refuse':
        refuse(outcome.error);
    }
  };
  Promise.resolve(pipeline.decide(exchange, handshake)).then(render).catch(refuse);
}

/** The connection of a handshake; its request ends with it, be it refused or a tunnel. */
function createHandshake({ pipeline, exchange }: Entry, socket: Socket, log: Logger) {
  let isGone = false;
  if (socket.closed) endExchange(exchange);
  else socket.once('close', () => endExchange(exchange));
  const answered = (statusCode: number) => logRequest(log, exchange, { statusCode, headersSent: true });
  const answer = (own: Answer) => {
    answered(own.status);
    endInOrder(socket, wireFormat(own));
  };
  return {
    answered,
    answer,
    hasLeft: () => isGone,
    /** What was refreshed on the way is kept all the same. */
    refuse: (error: unknown, setCookies: readonly string[] = []) =>
      answer(withCookies(pipeline.fail(exchange, error), setCookies)),
    left(): void {
      isGone = true;
      socket.destroy();
      logLeft(log, exchange);
    },
  };
}
