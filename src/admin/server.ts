import { once } from 'node:events';
import type { Server } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { AdminConfig, ListenAddress } from '../config/schema/index.ts';
import { peerAddress } from '../listen/forwarded.ts';
import { listen } from '../listen/listen.ts';
import { removeStaleSocket } from '../listen/stale-socket.ts';
import type { Emit } from '../observe/events.ts';
import { createQuiet, createTap } from './attempts.ts';
import { boundConnections } from './connections.ts';
import type { Controls } from './controls.ts';
import { adminEndpoints, problemOf, type Reply } from './endpoints.ts';
import { type Found, findEndpoint } from './find-endpoint.ts';
import { type Asking, createGuard, type Guard, type Sight } from './guard.ts';
import { type Problem, problemBody } from './problem.ts';
import { problemPage } from './status/page.ts';

export interface AdminListener {
  /** Where it listens, such as `http://127.0.0.1:4181`, or `unix:` and the path of a socket. */
  url: string;
  /** From now on another token counts. */
  useToken(token: string | undefined): void;
  /** Gives the address free at once; the requests under way get their answers. */
  leaveAddress(): void;
  close(): Promise<void>;
}

const standardPort = 4181;

/**
 * Starts the admin listener. A second gateway on one machine finds the standard port taken: it runs without and says
 * so; an address that somebody else holds and that was chosen is an error. It may be called again for another address.
 */
export async function startAdmin(
  { listen: address, token }: AdminConfig,
  emit: Emit,
  controls: Controls,
  clock: Clock,
): Promise<AdminListener | undefined> {
  if (address === 'off') return undefined;
  const guard = createGuard({ listen: address, token }, clock);
  const app = createAdminServer({ address, guard, emit, controls, clock });
  try {
    const url = await openAt(app, address);
    return {
      url,
      useToken: guard.use,
      leaveAddress: () => void app.server.close(),
      async close() {
        const closed = app.close();
        // Fastify ends those of an address that it listens on itself, which a Unix socket is not.
        app.server.closeAllConnections();
        await closed;
      },
    };
  } catch (error) {
    await app.close();
    const isStandard = 'port' in address && address.port === standardPort;
    if (!isStandard || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    emit({ kind: 'admin-port-taken', port: standardPort });
    return undefined;
  }
}

/** No request here has more to say. */
const largestHead = 16 * 1024;
const largestBody = 1024;
/** For a head, for a whole request, and for a connection on which nothing passes. */
const headMs = 10_000;
const requestMs = 30_000;
const keepAliveMs = 20_000;
/** A reload waits for its workers, their providers and stores, and for those reloads that were asked for before it. */
const longestAnswerMs = 10 * 60_000;

interface ServerNeeds {
  address: ListenAddress;
  guard: Guard;
  emit: Emit;
  controls: Controls;
  clock: Clock;
}

/** Of each request the path as it came decides, not what a router makes of it: Fastify has one place for all of them. */
function createAdminServer(needs: ServerNeeds): FastifyInstance {
  const app = fastify({
    logger: false,
    rewriteUrl: () => '/',
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    bodyLimit: largestBody,
    keepAliveTimeout: keepAliveMs,
    requestTimeout: requestMs,
    connectionTimeout: requestMs,
    http: {
      maxHeaderSize: largestHead,
      headersTimeout: headMs,
      connectionsCheckingInterval: 1000,
      requireHostHeader: false,
    },
  });
  boundConnections(app.server);
  // Nothing that is sent here is read but method, path and headers.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
  const { take, answer } = openDoor(needs);
  app.addHook('onRequest', take);
  app.all('/', answer);
  app.setErrorHandler((error, _request, reply) => send(reply, problemOfServer(error)));
  app.setNotFoundHandler((_request, reply) => send(reply, notFound));
  return app;
}

/** So many refusals are told of at once, and one more each so often: whoever is refused must not fill the log. */
const mostRefusals = 20;
const refusalMs = 10_000;

/** What happens to a request: it is found out what it asks for, whether it may, and then it is done. */
function openDoor({ address, guard, emit, controls, clock }: ServerNeeds) {
  const endpoints = adminEndpoints(controls, clock);
  const isTold = createTap(mostRefusals, refusalMs, clock);
  const isLookTold = createQuiet(clock);
  const found = new WeakMap<FastifyRequest, Found & { sight: Sight }>();
  const clientOf = ({ raw }: FastifyRequest) =>
    'path' in address ? undefined : peerAddress(raw.socket.remoteAddress);

  const tell = ({ method }: FastifyRequest, client: string | undefined, path: string, status: number) =>
    emit({ kind: 'admin-call', client: client ?? 'unix', method, path, status });

  return {
    /** Before anything of a body is read. */
    async take(request: FastifyRequest, reply: FastifyReply) {
      const asked = findEndpoint(endpoints, request.method, request.originalUrl);
      if ('status' in asked) return send(reply, asked);
      const client = clientOf(request);
      const sight = admit(guard, askingOf(request, client), asked);
      if (typeof sight === 'string') {
        found.set(request, { ...asked, sight });
        return undefined;
      }
      if (sight.status !== 429 && isTold()) tell(request, client, asked.endpoint.path, sight.status);
      const isForPeople =
        asked.endpoint.audience === 'by sight' && /\btext\/html\b/.test(request.headers.accept ?? '');
      return send(reply, isForPeople ? problemPage(sight) : sight);
    },
    async answer(request: FastifyRequest, reply: FastifyReply) {
      const asked = found.get(request);
      if (!asked) return send(reply, notFound);
      const { endpoint, call, sight } = asked;
      const { accept } = request.headers;
      // The request is there: a reload that waits for what it needs is no silence of the client.
      request.raw.socket.setTimeout(longestAnswerMs);
      let made: Reply;
      try {
        made = await endpoint.handle({ ...call, accept, sight, canSeeAll: guard.hasToken() });
      } catch (error) {
        made = problemOf(error);
        if (made.status === 500) emit({ kind: 'admin-call-failed', path: endpoint.path, error });
      }
      const client = clientOf(request);
      if (endpoint.audience === 'operator') tell(request, client, endpoint.path, made.status);
      else if (sight === 'all' && isLookTold(client ?? 'unix'))
        tell(request, client, endpoint.path, made.status);
      return send(reply, made);
    },
  };
}

/** How much a request may see of what its endpoint answers, or why it is refused. */
function admit(guard: Guard, asking: Asking, { endpoint: { audience }, call }: Found): Sight | Problem {
  if (audience === 'by sight') return guard.sightOf(asking, call.query.has('all'));
  return guard.refuse(asking, audience) ?? (audience === 'operator' ? 'all' : 'part');
}

function askingOf({ raw, headers }: FastifyRequest, client: string | undefined): Asking {
  const hosts = raw.rawHeaders.filter(
    (_text, at) => at % 2 === 1 && /^host$/i.test(raw.rawHeaders[at - 1] ?? ''),
  );
  const text = (name: string) => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  return {
    client,
    hosts,
    origin: text('origin'),
    fetchSite: text('sec-fetch-site'),
    language: text('accept-language'),
    authorization: text('authorization'),
  };
}

const notFound: Problem = { status: 404, code: 'not_found', detail: 'there is nothing here' };

/** What Fastify itself refuses, such as a body that is too large. */
function problemOfServer(error: unknown): Problem {
  const { statusCode: status = 500 } = error as { statusCode?: number };
  if (status === 413) return { status, code: 'body_too_large', detail: 'nothing here takes a body' };
  return status >= 400 && status < 500
    ? { status: 400, code: 'malformed_request', detail: 'the request cannot be read' }
    : problemOf(error);
}

/** Nobody stores it, no page of another origin reads it, and no browser shows it as anything else. */
const commonHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

function send(reply: FastifyReply, made: Reply): FastifyReply {
  const { raw } = reply.request;
  // What is left of a body is not waited for.
  if ('code' in made && (raw.headers['content-length'] ?? raw.headers['transfer-encoding']) !== undefined)
    reply.header('connection', 'close');
  reply.code(made.status).headers({ ...commonHeaders, ...('headers' in made ? made.headers : {}) });
  if ('code' in made) return reply.type('application/problem+json').send(problemBody(made));
  if ('text' in made) return reply.header('vary', 'accept, authorization').type(made.type).send(made.text);
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(made.json));
}

async function openAt(app: FastifyInstance, address: ListenAddress): Promise<string> {
  if ('port' in address) return listen(app, address);
  await app.ready();
  await removeStaleSocket(address);
  await listenPrivately(app.server, address.path);
  return `unix:${address.path}`;
}

/** Whoever may open the file may do everything: from its first moment on that is the user of this process. */
async function listenPrivately(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    // The file is made before this call returns.
    server.listen({ path });
  } finally {
    process.umask(before);
  }
  await once(server, 'listening');
}
