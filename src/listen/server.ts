import cluster from 'node:cluster';
import { type IncomingMessage, METHODS } from 'node:http';
import type { Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Config, ListenAddress } from '../config/schema/index.ts';
import type { Answer } from '../pages/answer.ts';
import { endWith, rememberAnswers } from './answers.ts';
import { removeStaleSocket } from './stale-socket.ts';
import { clientCertificateOptions, readTlsOptions } from './tls.ts';

/** Session cookies, application cookies and long addresses together; more is answered with 431. */
const largestRequestHeaders = 64 * 1024;
/**
 * What may wait in a connection before the other side has to pause. One read from an upstream is 64 KiB; with Node's
 * 16 KiB a large answer would pause after each, for a seventh more CPU time.
 */
const bufferedBytes = 128 * 1024;
/** RFC 9110 §9.3.6 and §9.3.8: a gateway in front of applications has no use for these. */
const refusedMethods: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);

/** Every method that Node can read, less the ones that are refused. */
export const proxiedMethods: readonly string[] = METHODS.filter((method) => !refusedMethods.has(method));

/** The default of Node; a client that takes longer for its headers only holds a connection. */
const headersTimeoutMs = 60_000;

/** An idle connection stays for this long. Fronts keep theirs for less: who closes first must not be the one that waits. */
export const keepAliveMs = 75_000;

export interface ServerOptions {
  tls: Config['listen']['tls'];
  /** Gives the URL that Fastify routes by, of a request that still has its own. */
  rewriteUrl(request: IncomingMessage): string;
  /** Whether a request that asks for an upgrade is one; Node 24 and later ask, earlier ones always upgrade. */
  acceptUpgrade(request: IncomingMessage): boolean;
  /** The answer to what could not be read as HTTP. */
  answerMalformed(code: string | undefined): Answer;
}

/** The public HTTP server: limits, TLS, and what happens to connections that misbehave. */
export function createServer({
  tls,
  rewriteUrl,
  acceptUpgrade,
  answerMalformed,
}: ServerOptions): FastifyInstance {
  const http = {
    maxHeaderSize: largestRequestHeaders,
    highWaterMark: bufferedBytes,
    headersTimeout: headersTimeoutMs,
    shouldUpgradeCallback: acceptUpgrade,
  };
  const common = {
    logger: false,
    rewriteUrl,
    return503OnClosing: false,
    // A HEAD of the callback or of the sign-out would do what the GET does, and nobody would see the answer.
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    keepAliveTimeout: keepAliveMs,
    // Uploads may take as long as they need; slow headers may not, see above.
    requestTimeout: 0,
    // Bodies are streamed, never gathered, so Fastify's own limit has nothing to limit.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => {
      // A reset or timed-out connection has nobody to answer to.
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
      else endWith(socket, wireFormat(answerMalformed(error.code)));
    },
  } as const;
  const app = (tls
    ? fastify({ ...common, https: { ...http, ...readTlsOptions(tls), ...clientCertificateOptions(tls) } })
    : fastify({ ...common, http })) as unknown as FastifyInstance;
  for (const method of proxiedMethods) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  rememberAnswers(app.server);
  // Node takes its own error listener off a connection that is upgraded; a reset would end the process.
  const guarded = new WeakSet<Socket>();
  const ignoreErrors = (socket: Socket) => {
    // A connection that offered another protocol is given back to the server, and so comes here again.
    if (guarded.has(socket)) return;
    guarded.add(socket);
    socket.on('error', () => socket.destroy());
  };
  app.server.on('connection', ignoreErrors);
  app.server.on('secureConnection', ignoreErrors);
  return app;
}

/** An answer as bytes, for connections that have no response object; it ends the connection. */
export function wireFormat({ status, headers, body }: Answer): string {
  let text = `HTTP/1.1 ${status} \r\n`;
  for (const [name, value] of Object.entries(headers)) {
    for (const line of [value].flat()) text += `${name}: ${line}\r\n`;
  }
  const bytes = Buffer.from(body, 'utf8');
  text += `content-length: ${bytes.length}\r\nconnection: close\r\ndate: ${new Date().toUTCString()}\r\n\r\n`;
  return text + bytes.toString('latin1');
}

/** Sends an answer through HTTP. */
export function sendAnswer(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}

/** Starts to listen; gives the address that can be connected to, such as `http://127.0.0.1:4180`. */
export async function listen(app: FastifyInstance, address: ListenAddress): Promise<string> {
  // Workers listen by their primary, which has looked before it started them.
  if (cluster.isPrimary) await removeStaleSocket(address);
  return app.listen('path' in address ? { path: address.path } : { host: address.host, port: address.port });
}
