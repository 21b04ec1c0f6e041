import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { Config } from '../config/schema/index.ts';
import { probeAfterMs } from '../forward/probe.ts';
import { endTurn, endWith, takeTurn } from './answers.ts';
import type { Inbound, Outbound } from './inbound.ts';
import { proxiedMethods } from './methods.ts';
import { clientCertificateOptions, readTlsOptions, type TlsConfig } from './tls.ts';

/** Session cookies, application cookies and long addresses together; more is answered with 431. */
const largestRequestHead = 64 * 1024;
/** What is read all the same, so that it is known who asks, and whether they want a page. */
const largestReadHead = 2 * largestRequestHead;
/**
 * What may wait in a connection before the other side has to pause. One read from an upstream is 64 KiB; with Node's
 * 16 KiB a large answer would pause after each, for a seventh more CPU time.
 */
export const bufferedBytes = 128 * 1024;
/** Node looks only so often for heads that take too long; by itself it looks every 30 seconds. */
const mostBetweenLooksMs = 1000;

/** Whether address and headers of a request are larger together than any application needs. */
export function isHeadTooLarge({ url = '', rawHeaders }: Pick<Inbound, 'url' | 'rawHeaders'>): boolean {
  let length = url.length;
  for (const text of rawHeaders) length += text.length;
  return length > largestRequestHead;
}

export interface ServerOptions {
  tls: TlsConfig | undefined;
  /** Gives the URL that Fastify routes by, of a request that still has its own. */
  rewriteUrl(request: Inbound): string;
  limits: Pick<Config['limits'], 'headerTime' | 'keepAlive'>;
  /** An answer has ended, or its client has gone. */
  closed(response: Outbound): void;
  /**
   * The last answer of a connection of which nothing more can be read, as bytes.
   * @param broken the answer to the request in which that happened, where it was known already
   */
  answerBroken(error: NodeJS.ErrnoException, socket: Socket, broken: Outbound | undefined): string;
  /** A client sends requests without end and does not wait for answers; its connection is closed. */
  tooManyWait(socket: Socket): void;
}

/** The public HTTP server: limits, TLS, and what happens to connections that misbehave. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { tls, limits, rewriteUrl, answerBroken } = options;
  const http = {
    maxHeaderSize: largestReadHead,
    highWaterMark: bufferedBytes,
    headersTimeout: limits.headerTime,
    connectionsCheckingInterval: Math.max(10, Math.min(mostBetweenLooksMs, limits.headerTime / 4)),
    // What names no host has its place behind the requests before it, and is refused like anything else.
    requireHostHeader: false,
    keepAlive: true,
    keepAliveInitialDelay: probeAfterMs,
  };
  const common = {
    logger: false,
    rewriteUrl,
    // A request has its id from its exchange; Fastify's own is read by nobody.
    genReqId: () => '',
    return503OnClosing: false,
    // A HEAD of the callback or of the sign-out would do what the GET does, and nobody would see the answer.
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    keepAliveTimeout: limits.keepAlive,
    // Uploads may take as long as they need; silence may not, see silence.ts.
    requestTimeout: 0,
    // Bodies are streamed, never gathered, so Fastify's own limit has nothing to limit.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => {
      // The parser complains again of whatever comes behind what it could not read.
      if (socket.writableEnded && !socket.destroyed) return;
      // Where a connection has ended nobody waits for an answer, nor where it was opened and never used.
      const hasEnded = error.code === 'ECONNRESET' || error.code === 'HPE_INVALID_EOF_STATE';
      if (hasEnded || !socket.writable || socket.bytesRead === 0) socket.destroy();
      else endWith(socket, (broken) => answerBroken(error, socket, broken));
    },
  } as const;
  const secure = tls && {
    ...http,
    ...readTlsOptions(tls),
    ...clientCertificateOptions(tls),
    handshakeTimeout: limits.headerTime,
  };
  const app = (secure
    ? fastify({ ...common, https: secure })
    : fastify({ ...common, http })) as unknown as FastifyInstance;
  for (const method of proxiedMethods) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  takeInTurn(app, options);
  guardConnections(app);
  return app;
}

/** Lets requests begin one after another on each connection. */
function takeInTurn(app: FastifyInstance, { closed, tooManyWait }: ServerOptions): void {
  function onClose(this: ServerResponse): void {
    closed(this);
    endTurn(this);
  }
  const inTurn = (handle: (request: IncomingMessage, response: ServerResponse) => void) => {
    const begin = (request: IncomingMessage, response: ServerResponse) => {
      response.on('close', onClose);
      handle(request, response);
    };
    return (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      if (socket.destroyed || takeTurn(response, begin)) return;
      tooManyWait(socket);
      socket.destroy();
    };
  };
  const route = inTurn((request, response) => app.routing(request, response));
  app.server.removeAllListeners('request');
  app.server.on('request', route);
  // With this listener Node leaves `100 Continue` to us: it is sent when the upstream takes the body.
  app.server.on('checkContinue', route);
  // RFC 9110 §10.1.1: nobody knows of another expectation.
  app.server.on(
    'checkExpectation',
    inTurn((_request, response) => response.writeHead(417).end()),
  );
}

/** Node takes its own error listener off a connection that is upgraded; a reset would end the process. */
function guardConnections({ server }: FastifyInstance): void {
  const guarded = new WeakSet<Socket>();
  const ignoreErrors = (socket: Socket) => {
    // A connection that offered another protocol is given back to the server, and so comes here again.
    if (guarded.has(socket)) return;
    guarded.add(socket);
    socket.on('error', () => socket.destroy());
  };
  server.on('connection', ignoreErrors);
  server.on('secureConnection', ignoreErrors);
}
