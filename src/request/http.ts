import type { IncomingMessage, ServerResponse } from 'node:http';
import { fastifyCookie } from '@fastify/cookie';
import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance } from 'fastify';
import { isNavigation } from '../access/navigation.ts';
import type { Config } from '../config/schema/index.ts';
import { type ErrorCode, GatewayError } from '../errors.ts';
import type { Forwarding, HttpClient } from '../forward/forwarding.ts';
import { signedOutArrival } from '../identity/browser/signed-out.ts';
import { registerEndpoints } from '../identity/endpoints.ts';
import { startLogin } from '../identity/login/start.ts';
import { mostWaiting } from '../listen/answers.ts';
import { peerAddress } from '../listen/forwarded.ts';
import { createServer, proxiedMethods, sendAnswer } from '../listen/server.ts';
import type { TlsConfig } from '../listen/tls.ts';
import { logRefusal } from '../observe/access-log.ts';
import { type Answer, withCookies } from '../pages/answer.ts';
import { parseCookies } from '../session/cookies.ts';
import { type Admission, admit, forwardingOf, refusal, visitOf } from './admission.ts';
import { preflightAnswer } from './cors.ts';
import { answerBroken, closed } from './ending.ts';
import { arrived, type Destination, type Exchange, type ExchangeOf } from './exchange.ts';
import { answerFailure, answerMalformed, brokenBy } from './failure.ts';
import { registerForwardAuth } from './forward-auth.ts';
import type { Parts } from './parts.ts';
import { registerResourceMetadata } from './resource-metadata.ts';
import { answerToUpstream, startStepUp } from './step-up.ts';
import { isQuestion } from './upgrade.ts';
import { isWebSocket } from './without-upgrade.ts';

/** The path on which Fastify finds the proxy, and one on which it finds nothing. */
const proxyPath = '/';
const nowhere = '/-';

/** Where two readers may disagree on a request, nothing more is read from its connection (RFC 9112 §11.2). */
const ambiguities: ReadonlySet<ErrorCode> = new Set(['ambiguous_host', 'ambiguous_path', 'malformed_target']);

/** Builds the server in which an HTTP request passes the stages. */
export async function createHttpStages(
  parts: Parts,
  exchangeOf: ExchangeOf,
  { tls, limits }: { tls: TlsConfig | undefined; limits: Config['limits'] },
): Promise<FastifyInstance> {
  const { log } = parts;
  const answerError = (error: unknown, exchange: Exchange) =>
    answerFailure(error, exchange, parts.reader.prefix, log);

  const app = createServer({
    tls,
    limits,
    // Fastify routes by a name of our own choosing: what it decodes or normalises can decide nothing.
    rewriteUrl: (request) => internalUrl(exchangeOf(request)),
    acceptUpgrade: (request) => isWebSocket(request) && !isQuestion(parts, exchangeOf(request)),
    closed: (response) => closed(log, exchangeOf(response.req), response),
    answerBroken: (error, socket, broken) =>
      broken
        ? answerBroken(parts, exchangeOf(broken.req), brokenBy(error))
        : answerMalformed(error, peerAddress(socket.remoteAddress), log),
    tooManyWait: ({ remoteAddress }) =>
      log.info(
        { peer: peerAddress(remoteAddress), waiting: mostWaiting },
        'a connection was closed: its client sends requests and does not wait for answers',
      ),
  });
  await app.register(fastifyCookie, { hook: false });
  app.addHook('onRequest', (request, reply, done) => {
    const exchange = exchangeOf(request.raw);
    if (!('error' in exchange.destination)) {
      done();
      return;
    }
    const { error } = exchange.destination;
    const arrival =
      error instanceof GatewayError && error.code === 'no_route' && arrivalNowhere(parts, request.raw);
    if (arrival) {
      sendAnswer(reply, arrival);
      return;
    }
    if (error instanceof GatewayError && ambiguities.has(error.code)) reply.header('connection', 'close');
    done(error as Error);
  });
  app.setErrorHandler((error, request, reply) => {
    // A client that leaves breaks the reading of its body, which is nobody's fault and nothing to answer.
    if (request.raw.socket.destroyed) return reply.hijack();
    return sendAnswer(reply, answerError(ownError(error), exchangeOf(request.raw)));
  });
  app.setNotFoundHandler((request, reply) => {
    const code = proxiedMethods.includes(request.method) ? 'unknown_endpoint' : 'method_not_allowed';
    return sendAnswer(reply, answerError(new GatewayError(code), exchangeOf(request.raw)));
  });
  await app.register((scope) => registerEndpoints(scope, parts.login));
  const { keySet } = parts;
  if (keySet) {
    app.get(`${parts.reader.prefix}/jwks`, (_request, reply) =>
      reply.header('cache-control', 'public, max-age=3600').send(keySet()),
    );
  }
  if (parts.resources.size > 0) registerResourceMetadata(app, parts, exchangeOf);
  await app.register((scope) => registerForwardAuth(scope, parts, exchangeOf));
  await app.register((scope) => registerProxy(scope, parts, exchangeOf, answerError));
  return app;
}

async function registerProxy(
  scope: FastifyInstance,
  parts: Parts,
  exchangeOf: ExchangeOf,
  answerError: (error: unknown, exchange: Exchange) => Answer,
): Promise<void> {
  const { forwarder, login } = parts;
  const clientOf = clientFactory(parts, answerError);
  scope.addHook('onRequest', (request, reply, done) => {
    const exchange = exchangeOf(request.raw);
    const destination = arrived(exchange);
    const { resolution, origin, target } = destination;
    if (resolution.kind === 'endpoint') {
      done(new GatewayError('unknown_endpoint'));
      return;
    }
    const proceed = (admission: Admission) => {
      const { decision } = admission;
      const own = ownAnswer(parts, exchange, destination, admission);
      if (own) {
        sendAnswer(reply, own);
        return;
      }
      switch (decision.kind) {
        case 'allow': {
          const forwarding = forwardingOf(parts, exchange, destination, resolution.route, admission);
          // From here on the request is the forwarder's: what would follow is for bodies that Fastify parses and
          // for addresses that the plugin builds, a sixth of the cost of a request.
          reply.hijack();
          // The client may have left while the session was looked up.
          if (reply.raw.destroyed) return;
          exchange.underWay = forwarder.forward(forwarding, clientOf(reply.raw, exchange, forwarding));
          break;
        }
        case 'login':
          startLogin(login, visitOf(exchange, destination), {
            returnTo: origin + target.path + target.query,
            providers: resolution.route.provider,
            stepUp: resolution.route.stepUp && { ...resolution.route.stepUp, attempt: 1 },
          }).then((answer) => sendAnswer(reply, withCookies(answer, admission.setCookies)), done);
          break;
        case 'step-up':
          startStepUp(parts, exchange, destination, resolution.route, admission).then(
            (answer) => sendAnswer(reply, answer),
            done,
          );
          break;
        case 'deny':
          done(refusal(parts, admission));
          break;
      }
    };
    const admission = admit(parts, exchange, resolution.route);
    if (admission instanceof Promise) admission.then(proceed).catch(done);
    else proceed(admission);
  });

  await scope.register(httpProxy, {
    // Its own transfer is not used: see docs/architecture.md for why the forwarder is ours.
    upstream: 'http://upstream.invalid',
    routes: [proxyPath],
    httpMethods: [...proxiedMethods],
    handler: () => {
      throw new Error('a request passed the hook without a decision');
    },
  });
}

/** What the gateway answers itself in place of a refusal, a login, or the page that somebody comes back to signed out. */
function ownAnswer(
  { login }: Parts,
  exchange: Exchange,
  destination: Destination,
  { caller, decision }: Admission,
): Answer | undefined {
  const { request, method } = exchange;
  if (decision.kind === 'deny' || decision.kind === 'login') {
    const answer = preflightAnswer(exchange);
    if (answer) return answer;
  }
  const isArrival = destination.target.path === '/' && !caller && isNavigation(method, request.headers);
  return isArrival ? signedOutArrival(login, visitOf(exchange, destination).cookies) : undefined;
}

/** The same where no application is at the start page, and so nothing is known of it but that it was asked for. */
function arrivalNowhere(
  { login }: Parts,
  { url = '', method = '', headers }: IncomingMessage,
): Answer | undefined {
  const isArrival = /^\/(\?|$)/.test(url) && isNavigation(method, headers);
  return isArrival ? signedOutArrival(login, parseCookies(headers.cookie)) : undefined;
}

/** Makes the client of each request, as the forwarder sees it. */
function clientFactory(
  parts: Parts,
  answerError: (error: unknown, exchange: Exchange) => Answer,
): (response: ServerResponse, exchange: Exchange, forwarding: Forwarding) => HttpClient {
  class Client implements HttpClient {
    readonly response: ServerResponse;
    readonly #exchange: Exchange;
    readonly #forwarding: Forwarding;

    constructor(response: ServerResponse, exchange: Exchange, forwarding: Forwarding) {
      this.response = response;
      this.#exchange = exchange;
      this.#forwarding = forwarding;
    }

    fail(error: unknown): void {
      this.#write(answerError(error, this.#exchange));
    }

    broke(error: GatewayError): void {
      logRefusal(parts.log, this.#exchange, error);
    }

    challenged(rawHeaders: readonly (string | Buffer)[]): boolean {
      const { person } = this.#forwarding.context;
      const step = answerToUpstream(parts, this.#exchange, arrived(this.#exchange), person, rawHeaders);
      step?.then(
        (answer) => this.#write(answer),
        (error) => this.fail(error),
      );
      return step !== undefined;
    }

    /** What was refreshed on the way is kept, even where the application is out. */
    #write(answer: Answer): void {
      writeAnswer(this.response, withCookies(answer, this.#forwarding.setCookies));
    }
  }
  return (response, exchange, forwarding) => new Client(response, exchange, forwarding);
}

function internalUrl({ destination }: Exchange): string {
  if ('error' in destination || destination.resolution.kind === 'route') return proxyPath;
  const { path } = destination.resolution;
  return (/^[\w./~-]+$/.test(path) ? path : nowhere) + destination.target.query;
}

/** What Fastify itself refuses, such as a body that is too large for an endpoint, is the client's fault. */
function ownError(error: unknown): unknown {
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  const isClients = !(error instanceof GatewayError) && status >= 400 && status < 500;
  return isClients ? new GatewayError('malformed_request', { cause: error }) : error;
}

/** An answer to a request that was handed to the forwarder. */
function writeAnswer(raw: ServerResponse, { status, headers, body }: Answer): void {
  if (raw.headersSent || raw.destroyed) return;
  raw.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  raw.end(raw.req.method === 'HEAD' ? undefined : body);
}
