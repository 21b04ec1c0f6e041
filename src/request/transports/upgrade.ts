import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { readEarly } from '../../forward/early-bytes.ts';
import { currentAnswer, endInOrder, whenAnswered } from '../../listen/answers.ts';
import { wireFormat } from '../../listen/write-answer.ts';
import type { Emit } from '../../observe/events.ts';
import { type Answer, withCookies } from '../../pages/answer.ts';
import { endExchange } from '../exchange.ts';
import { refusalOf } from '../logins.ts';
import type { Arrival, Outcome } from '../outcome.ts';
import type { Entry, EntryOf } from './entry.ts';
import { isWebSocket, withoutUpgrade } from './without-upgrade.ts';

export interface UpgradeNeeds {
  /** The same as that of HTTP requests. */
  entryOf: EntryOf;
  emit: Emit;
  clock: Clock;
}

/** Takes WebSocket handshakes through the same stages as any request, and refuses CONNECT. */
export function openUpgrades(server: Server, { entryOf, emit, clock }: UpgradeNeeds): void {
  const handshakeOf = (request: IncomingMessage, socket: Socket) =>
    createHandshake(entryOf(request), socket, { emit, clock });
  // Node does not wait for the answers of requests that came before on the connection.
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    inTurn(socket, head, () => {
      handshakeOf(request, socket).refuse(new GatewayError('method_not_allowed'));
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    inTurn(socket, head, (early) => {
      if (socket.destroyed) return;
      if (!isWebSocket(request) || entryOf.isQuestion(request)) giveBack(server, request, socket, early);
      else passHandshake(entryOf(request), handshakeOf(request, socket), early);
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

const upgrading: Arrival = { via: 'upgrade' };

function passHandshake(
  { pipeline, exchange }: Entry,
  { socket, answer, refuse, left, hasLeft, answered }: Handshake,
  head: Buffer,
): void {
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
  Promise.resolve(pipeline.decide(exchange, upgrading))
    .then(render)
    .catch((error: unknown) => refuse(error));
}

/** A handshake on its way, with the ends that it may come to. */
interface Handshake {
  socket: Socket;
  /** Tells how it was answered. */
  answered(status: number): void;
  answer(own: Answer): void;
  /** Answers with an error; what was refreshed on the way is kept all the same. */
  refuse(error: unknown, setCookies?: readonly string[]): void;
  /** The client left before the answer. */
  left(): void;
  hasLeft(): boolean;
}

/** The connection of a handshake; its request ends with it, be it refused or a tunnel. */
function createHandshake(
  { pipeline, exchange }: Entry,
  socket: Socket,
  { emit, clock }: Pick<UpgradeNeeds, 'emit' | 'clock'>,
): Handshake {
  let isGone = false;
  if (socket.closed) endExchange(exchange);
  else socket.once('close', () => endExchange(exchange));
  const durationMs = () => clock.monotonic() - exchange.startedAt;
  const answered = (status: number) =>
    emit({ kind: 'request-finished', exchange, status, durationMs: durationMs() });
  const answer = (own: Answer) => {
    answered(own.status);
    endInOrder(socket, wireFormat(own, clock.now()));
  };
  return {
    socket,
    answered,
    answer,
    hasLeft: () => isGone,
    refuse: (error: unknown, setCookies: readonly string[] = []) =>
      answer(withCookies(pipeline.fail(exchange, error), setCookies)),
    left(): void {
      isGone = true;
      socket.destroy();
      emit({ kind: 'request-left', exchange, durationMs: durationMs() });
    },
  };
}
