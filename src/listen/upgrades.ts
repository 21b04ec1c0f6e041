import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.ts';
import { readEarly } from '../forward/early-bytes.ts';
import { probeAfterMs } from '../forward/probe.ts';
import { currentAnswer, endInOrder, whenAnswered } from './answers.ts';
import type { Inbound, Tunnel } from './inbound.ts';
import { withoutUpgrade } from './without-upgrade.ts';
import { wireFormat } from './write-answer.ts';

/** What becomes of requests that ask for another use of their connection. */
export interface UpgradeTaker {
  /** Whether a request asks for a tunnel; what asks for anything else is a request like any other. */
  isHandshake(request: Inbound): boolean;
  /** @param head what the client had sent behind its handshake */
  take(tunnel: Tunnel, head: Buffer): void;
  /** A CONNECT. */
  refuseConnect(tunnel: Tunnel): void;
}

/** Takes the handshakes of HTTP/1.1, each in its turn: Node does not wait for the answers of what came before. */
export function takeUpgrades(server: Server, clock: Clock, taker: UpgradeTaker): void {
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    inTurn(socket, head, () => taker.refuseConnect(tunnelOf(request, socket, clock)));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    inTurn(socket, head, (early) => {
      if (socket.destroyed) return;
      if (!taker.isHandshake(request)) giveBack(server, request, socket, early);
      else taker.take(tunnelOf(request, socket, clock), early);
    });
  });
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

/** What asks for no WebSocket is answered as if it had not asked for an upgrade. */
function giveBack(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  // A TLS server takes what comes by `connection` for ciphertext.
  const event = socket instanceof TLSSocket ? 'secureConnection' : 'connection';
  server.emit(event, withoutUpgrade(request, socket, head));
  // It does not flow by itself where it was read from in the meantime.
  if (socket.isPaused()) socket.resume();
}

/** The tunnel of HTTP/1.1 is the whole connection, which ends with any other answer. */
function tunnelOf(request: IncomingMessage, socket: Socket, clock: Clock): Tunnel {
  return {
    request,
    stream: socket,
    open(reason, headers) {
      socket.setTimeout(0);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, probeAfterMs);
      writeHead(socket, 101, reason, [...headers, 'connection', 'Upgrade', 'upgrade', 'websocket']);
    },
    refuse: (status, reason, headers) =>
      writeHead(socket, status, reason, [...headers, 'connection', 'close']),
    answer: (own) => endInOrder(socket, wireFormat(own, clock.now())),
  };
}

/** The first line and the headers of an answer, as they go over the wire. */
function writeHead(socket: Socket, status: number, reason: string, headers: readonly string[]): void {
  let text = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (let at = 0; at < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  socket.write(`${text}\r\n`, 'latin1');
}
