import type { FastifyInstance, FastifyReply } from 'fastify';
import { GatewayError } from '../errors.ts';
import { startLogin } from '../identity/login/start.ts';
import { forwardedValue } from '../listen/peer.ts';
import { proxiedMethods, sendAnswer } from '../listen/server.ts';
import { resolveTarget } from '../routes/resolve.ts';
import { makeTarget } from '../routes/target.ts';
import { type Admission, admit, refusal, visitOf } from './admission.ts';
import type { Destination, Exchange, ExchangeOf } from './exchange.ts';
import type { Parts } from './parts.ts';

/**
 * Answers for proxies that forward by themselves and only ask whether they may: `auth` for nginx's
 * auth_request (202, 401, 403), `forward-auth` for Traefik, Caddy, Envoy and HAProxy (200, 302 to the login,
 * 401, 403). The same routes and rules decide as for requests that pass through.
 */
export async function registerForwardAuth(
  app: FastifyInstance,
  parts: Parts,
  exchangeOf: ExchangeOf,
): Promise<void> {
  const { prefix } = parts.reader;
  app.removeAllContentTypeParsers();
  // A proxy may send the body along; it is not looked at.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const method = [...proxiedMethods];
  app.route({
    method,
    url: `${prefix}/auth`,
    handler: (request, reply) =>
      answer(parts, exchangeOf(request.raw), reply, { allowed: 202, mayRedirect: false }),
  });
  app.route({
    method,
    url: `${prefix}/forward-auth`,
    handler: (request, reply) =>
      answer(parts, exchangeOf(request.raw), reply, { allowed: 200, mayRedirect: true }),
  });
}

interface Dialect {
  /** The status that lets the request pass. */
  allowed: number;
  /** Whether the proxy hands a redirect on to the browser. */
  mayRedirect: boolean;
}

async function answer(
  parts: Parts,
  exchange: Exchange,
  reply: FastifyReply,
  { allowed, mayRedirect }: Dialect,
): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store');
  const destination = readOriginal(parts, exchange);
  const { resolution, origin, target } = destination;
  // The gateway's own endpoints are answered by the gateway itself, whoever asks.
  if (resolution.kind === 'endpoint') return reply.code(allowed).send();
  const admission: Admission = await admit(parts, exchange, resolution.route);
  const { caller, decision } = admission;
  if (decision.kind === 'deny') throw refusal(parts, admission);
  if (decision.kind === 'login') {
    if (!mayRedirect) throw refusal(parts, admission);
    return sendAnswer(
      reply,
      await startLogin(parts.login, visitOf(exchange, destination), {
        returnTo: origin + target.path + target.query,
        providers: resolution.route.provider,
      }),
    );
  }
  const headers = parts.forwarder.identityHeaders(resolution.route, {
    requestId: exchange.requestId,
    person: caller?.person,
  });
  for (let at = 0; at < headers.length; at += 2) reply.header(headers[at] ?? '', headers[at + 1]);
  for (const line of caller?.current?.setCookies ?? []) reply.header('set-cookie', line);
  return reply.code(allowed).send();
}

/**
 * Puts the request that the proxy asks about in place of the proxy's own, as it says it is: it is what is
 * decided, logged and named on pages. Throws GatewayError 403 for a peer that is not trusted.
 */
function readOriginal({ reader }: Parts, exchange: Exchange): Destination {
  const { request, peer } = exchange;
  if (!peer.trusted) {
    throw new GatewayError('untrusted_peer', {
      detail: `${peer.address} is not in trustedProxies of the gateway's configuration.`,
    });
  }
  const first = (...names: string[]) => {
    for (const name of names) {
      const value = request.headers[name];
      if (typeof value === 'string' && value !== '') return value;
    }
    return undefined;
  };
  const method = (first('x-forwarded-method', 'x-original-method') ?? 'GET').toUpperCase();
  const { uri, host } = readOriginalUrl(
    first('x-original-url', 'x-forwarded-uri', 'x-original-uri'),
    forwardedValue(request, peer, 'x-forwarded-host') ?? request.headers.host,
  );
  const target = makeTarget(uri, host);
  const resolution = resolveTarget(reader.table, reader.prefix, target, method);
  const destination = { target, resolution, origin: reader.hosts.originOf(target) };
  exchange.method = method;
  exchange.destination = destination;
  return destination;
}

/** A path with its query, or a whole URL, whose host then counts. */
function readOriginalUrl(url: string | undefined, host: string | undefined): { uri: string; host: string } {
  if (url === undefined) {
    throw new GatewayError('malformed_request', {
      detail: 'The proxy has to name the original request in X-Forwarded-Uri or X-Original-URL.',
    });
  }
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (!absolute) return { uri: url, host: host ?? '' };
  const rest = absolute[2] ?? '';
  return { uri: rest.startsWith('/') ? rest : `/${rest}`, host: absolute[1] ?? '' };
}
