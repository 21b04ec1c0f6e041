import { fastifyCookie } from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { mostWaiting } from '../../listen/answers.ts';
import { peerAddress } from '../../listen/forwarded.ts';
import { proxiedMethods } from '../../listen/methods.ts';
import { createServer, type ServerOptions } from '../../listen/server.ts';
import { wireFormat } from '../../listen/write-answer.ts';
import type { Emit } from '../../observe/events.ts';
import { answerMalformed, brokenBy } from '../failure.ts';
import type { Place } from '../pipeline.ts';
import { answerBroken, closed } from './ending.ts';
import type { EntryOf } from './entry.ts';
import { registerForwardAuth } from './forward-auth.ts';
import { registerProxied } from './proxied.ts';
import { fail, pass } from './render.ts';

/**
 * The names that Fastify routes by, of our own choosing and the same whatever is configured: what it decodes or
 * normalises can decide nothing. At the last of them there is nothing.
 */
const names: Readonly<Record<Place, string>> = {
  application: '/',
  endpoint: '/-/endpoint',
  auth: '/-/auth',
  'forward-auth': '/-/forward-auth',
  nowhere: '/-/nowhere',
};

/** The largest form that an endpoint takes: a logout token. */
const largestForm = 32 * 1024;

export interface HttpNeeds {
  /** What is known of a request that has come in, with the pipeline that decides on it. */
  entryOf: EntryOf;
  emit: Emit;
  clock: Clock;
}

/** Makes the server in which HTTP requests pass their pipelines. It outlives any one of them. */
export async function openHttp(
  { entryOf, emit, clock }: HttpNeeds,
  { tls, limits }: Pick<ServerOptions, 'tls' | 'limits'>,
): Promise<FastifyInstance> {
  const app = createServer({
    tls,
    limits,
    rewriteUrl: (request) => {
      const { pipeline, exchange } = entryOf(request);
      return names[pipeline.placeOf(exchange)];
    },
    closed: (response) => closed({ emit, clock }, entryOf(response.req), response),
    answerBroken: (error, { remoteAddress }, broken) => {
      const answer = broken
        ? answerBroken(entryOf(broken.req), brokenBy(error))
        : answerMalformed(error, peerAddress(remoteAddress), { emit, clock });
      return wireFormat(answer, clock.now());
    },
    tooManyWait: ({ remoteAddress }) =>
      emit({
        kind: 'pipelining-connection-closed',
        client: peerAddress(remoteAddress),
        waiting: mostWaiting,
      }),
  });
  // It makes the gateway's own Set-Cookie lines; Cookie headers are read elsewhere, so it has no hook.
  await app.register(fastifyCookie, { hook: false });
  answerErrors(app, entryOf);
  await app.register((scope) => registerEndpoints(scope, entryOf));
  await app.register((scope) => registerForwardAuth(scope, entryOf, names));
  await app.register((scope) => registerProxied(scope, entryOf, names.application));
  return app;
}

/** What Fastify finds no route for, and what it refuses itself. */
function answerErrors(app: FastifyInstance, entryOf: EntryOf): void {
  app.setErrorHandler((error, request, reply) => {
    reply.hijack();
    fail(entryOf(request.raw), reply.raw, ownError(error));
  });
  app.setNotFoundHandler((request, reply) => {
    reply.hijack();
    const entry = entryOf(request.raw);
    const isRead = !('error' in entry.exchange.destination);
    const code = proxiedMethods.includes(request.method) ? 'unknown_endpoint' : 'method_not_allowed';
    if (isRead) fail(entry, reply.raw, new GatewayError(code));
    else pass(entry, reply.raw, { via: 'http' });
  });
}

async function registerEndpoints(scope: FastifyInstance, entryOf: EntryOf): Promise<void> {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: largestForm }, (_request, body, done) => {
    done(null, String(body));
  });
  scope.route({
    method: ['GET', 'HEAD', 'POST', 'OPTIONS'],
    url: names.endpoint,
    handler: ({ raw, body }: FastifyRequest, reply: FastifyReply) => {
      reply.hijack();
      const entry = entryOf(raw);
      const form = typeof body === 'string' ? body : undefined;
      if (form !== undefined) entry.pipeline.formCame(entry.exchange, Buffer.byteLength(form));
      pass(entry, reply.raw, { via: 'http', form });
    },
  });
}

/** What Fastify itself refuses, such as a body that is too large for an endpoint, is the client's fault. */
function ownError(error: unknown): unknown {
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  const isClients = !(error instanceof GatewayError) && status >= 400 && status < 500;
  return isClients ? new GatewayError('malformed_request', { cause: error }) : error;
}
