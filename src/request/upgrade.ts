import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { GatewayError } from '../errors.ts';
import { readEarly } from '../forward/early-bytes.ts';
import type { Forwarding } from '../forward/forwarding.ts';
import { currentAnswer, endInOrder, whenAnswered } from '../listen/answers.ts';
import { wireFormat } from '../listen/server.ts';
import { logLeft, logRequest } from '../observe/access-log.ts';
import { withCookies } from '../pages/answer.ts';
import { askedEndpoint } from '../routes/resolve.ts';
import { type Admission, admit, forwardingOf, refusal } from './admission.ts';
import { arrived, type Exchange, type ExchangeOf } from './exchange.ts';
import { answerFailure } from './failure.ts';
import type { Parts } from './parts.ts';
import { isWebSocket, withoutUpgrade } from './without-upgrade.ts';

/** Answers a handshake with an error; what was refreshed on the way is kept all the same. */
type Refuse = (error: unknown, exchange: Exchange, socket: Duplex, setCookies?: readonly string[]) => void;

/** Takes WebSocket handshakes through the same stages as any request, and refuses CONNECT. */
export function handleUpgrades(server: Server, parts: Parts, exchangeOf: ExchangeOf): void {
  const refuse: Refuse = (error, exchange, socket, setCookies = []) => {
    const failure = answerFailure(error, exchange, parts.reader.prefix, parts.log);
    const answer = withCookies(failure, setCookies);
    logRequest(parts.log, exchange, { statusCode: answer.status, headersSent: true });
    endInOrder(socket, wireFormat(answer));
  };
  const upgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (socket.destroyed) return;
    const exchange = exchangeOf(request);
    if (!isWebSocket(request) || isQuestion(parts, exchange)) {
      // A TLS server takes what comes by `connection` for ciphertext.
      const event = socket instanceof TLSSocket ? 'secureConnection' : 'connection';
      server.emit(event, withoutUpgrade(request, socket, head));
      // It does not flow by itself where it was read from in the meantime.
      if (socket.isPaused()) socket.resume();
      return;
    }
    passHandshake(parts, exchange, socket, head, refuse);
  };
  // Node does not wait for the answers of requests that came before on the connection.
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    inTurn(socket, head, () => refuse(new GatewayError('method_not_allowed'), exchangeOf(request), socket));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    inTurn(socket, head, (early) => upgrade(request, socket, early));
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

/** The question of a proxy (forward-auth.ts) may carry the Upgrade of what it asks about, and is answered as any. */
export function isQuestion({ reader }: Parts, { peer, destination }: Exchange): boolean {
  const path = 'error' in destination ? undefined : destination.target.path;
  return peer.trusted && path !== undefined && askedEndpoint(reader.prefix, path) !== undefined;
}

function passHandshake(parts: Parts, exchange: Exchange, socket: Socket, head: Buffer, refuse: Refuse): void {
  let hasLeft = false;
  const left = () => {
    hasLeft = true;
    socket.destroy();
    logLeft(parts.log, exchange);
  };
  const early = readEarly(socket, head, left);
  admitHandshake(parts, exchange).then(
    (forwarding) => {
      // The client may have left while the session was looked up.
      if (hasLeft) return;
      parts.forwarder.openTunnel(forwarding, {
        socket,
        head: early.take(),
        answered: (status) => logRequest(parts.log, exchange, { statusCode: status, headersSent: true }),
        fail: (error) => refuse(error, exchange, socket, forwarding.setCookies),
        left,
      });
    },
    (error: unknown) => {
      if (hasLeft) return;
      early.take();
      refuse(error, exchange, socket);
    },
  );
}

/** Rejects with GatewayError for a handshake that does not pass. */
async function admitHandshake(parts: Parts, exchange: Exchange): Promise<Forwarding> {
  const destination = arrived(exchange);
  if (destination.resolution.kind === 'endpoint') throw new GatewayError('unknown_endpoint');
  const { route } = destination.resolution;
  const admission = await admit(parts, exchange, route);
  if (admission.decision.kind !== 'allow') throw refusal(parts, admission);
  refuseForeignOrigin(parts, exchange, admission.caller);
  return forwardingOf(parts, exchange, destination, route, admission);
}

/**
 * RFC 6455 §10.2: browsers open sockets to any site and send that site's cookies along. Throws GatewayError 403
 * for a handshake that rides on the session cookie from another site.
 */
export function refuseForeignOrigin(
  { login }: Parts,
  { request }: Exchange,
  caller: Admission['caller'],
): void {
  const { origin } = request.headers;
  if (caller?.current && origin !== undefined && !login.returnOrigins.has(origin)) {
    throw new GatewayError('cross_site');
  }
}
