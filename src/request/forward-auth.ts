import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { GatewayError } from '../errors.ts';
import { startLogin } from '../identity/login/start.ts';
import { proxiedMethods, sendAnswer } from '../listen/server.ts';
import { withCookies } from '../pages/answer.ts';
import { askedBelow, askedEndpoint } from '../routes/resolve.ts';
import { makeTarget } from '../routes/target.ts';
import { type Admission, admit, refusal, visitOf } from './admission.ts';
import { arrived, type Destination, type Exchange, type ExchangeOf, resolveRequest } from './exchange.ts';
import type { Parts } from './parts.ts';
import { startStepUp } from './step-up.ts';
import { refuseForeignOrigin } from './upgrade.ts';

/**
 * Answers for proxies that forward by themselves and only ask whether they may: `auth` for nginx's
 * auth_request (202, 401, 403), `forward-auth` for Traefik, Caddy, Envoy and HAProxy (200, 302 to the login,
 * 401, 403). The same routes and rules decide as for requests that pass through.
 *
 * Traefik, Caddy, HAProxy and nginx name the original request in headers. Envoy, and what is built on it, sends
 * the request itself without its body, its path behind the one of the endpoint.
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
    onSend: (_request, reply, _payload, done) => {
      numberCookies(reply);
      done();
    },
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

/** Says each cookie again under a name of its own: nginx reads one line of a name, and a session takes several. */
function numberCookies(reply: FastifyReply): void {
  const lines = [reply.getHeader('set-cookie') ?? []].flat();
  for (const [at, line] of lines.entries()) reply.header(`x-sallyport-cookie-${at + 1}`, line);
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
  requireExactTarget(parts, exchange);
  const destination = readOriginal(parts, exchange);
  const { resolution, origin, target } = destination;
  if (resolution.kind === 'endpoint') {
    refuseOwnEndpoints(parts, resolution.path);
    // What the gateway publishes outside of its prefix is for everybody, to read and no more.
    if (!readers.has(exchange.method)) throw new GatewayError('method_not_allowed', { allow: 'GET' });
    return reply.code(allowed).send();
  }
  const admission: Admission = await admit(parts, exchange, resolution.route);
  const { caller, decision, token, setCookies } = admission;
  // The proxy has the answer then, and nobody knows whether its client gets it.
  exchange.delivered = undefined;
  if (decision.kind === 'deny') throw refusal(parts, admission);
  if (decision.kind === 'step-up') {
    if (!mayRedirect) throw refusal(parts, admission);
    return sendAnswer(reply, await startStepUp(parts, exchange, destination, resolution.route, admission));
  }
  if (decision.kind === 'login') {
    if (!mayRedirect) throw refusal(parts, admission);
    const login = await startLogin(parts.login, visitOf(exchange, destination), {
      returnTo: origin + target.path + target.query,
      providers: resolution.route.provider,
      stepUp: resolution.route.stepUp && { ...resolution.route.stepUp, attempt: 1 },
    });
    return sendAnswer(reply, withCookies(login, setCookies));
  }
  if (asksForWebSocket(exchange.request)) refuseForeignOrigin(parts, exchange, caller);
  const headers = parts.forwarder.identityHeaders(resolution.route, {
    requestId: exchange.requestId,
    person: caller?.person,
    token,
    clientAddress: exchange.peer.clientAddress,
  });
  for (let at = 0; at < headers.length; at += 2) reply.header(headers[at] ?? '', headers[at + 1]);
  for (const line of setCookies) reply.header('set-cookie', line);
  return reply.code(allowed).send();
}

/**
 * Only the endpoints' own bytes ask. A spelling that some reader takes for them is one that the proxy's own rules,
 * which keep browsers from asking, may not have seen. Throws GatewayError 400.
 */
function requireExactTarget({ reader: { prefix } }: Parts, { rawTarget }: Exchange): void {
  const path = rawTarget.replace(/\?.*$/s, '');
  if (askedEndpoint(prefix, path) === undefined) throw new GatewayError('malformed_target');
}

/**
 * A proxy sends what is below the prefix to the gateway without asking. Where it asks all the same, a yes would let
 * the request pass to an application, and answers to questions hold tokens. Throws GatewayError 403.
 */
function refuseOwnEndpoints({ reader: { prefix } }: Parts, path: string): void {
  if (path === prefix || path.startsWith(`${prefix}/`)) {
    throw new GatewayError('untrusted_peer', {
      detail: `The gateway answers what is below ${prefix} itself: send it there without asking.`,
    });
  }
}

/**
 * Whether a question is about a WebSocket handshake, in whatever form it comes: Upgrade may belong to the proxy's own
 * connection, and one by extended CONNECT (RFC 8441 §5) has no Sec-WebSocket-Key.
 */
function asksForWebSocket({ headers }: IncomingMessage): boolean {
  const names = ['x-forwarded-method', 'x-original-method'];
  return (
    headers.upgrade !== undefined ||
    Object.keys(headers).some((name) => name.startsWith('sec-websocket-')) ||
    names.some((name) => String(headers[name]).toUpperCase() === 'CONNECT')
  );
}

/**
 * Puts the request that the proxy asks about in place of the proxy's own, as it says it is: it is what is
 * decided, logged and named on pages. Throws GatewayError 403 for a peer that is not trusted, and 400 where
 * the request is not named, or named in two ways: one of them may be the client's.
 */
function readOriginal({ reader }: Parts, exchange: Exchange): Destination {
  const { request, peer } = exchange;
  if (!peer.trusted) {
    throw new GatewayError('untrusted_peer', {
      detail: `${peer.address} is not in trustedProxies of the gateway's configuration.`,
    });
  }
  const { target: asked } = arrived(exchange);
  const below = askedBelow(reader.prefix, asked);
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const whole = splitUrl(header('x-original-url'));
  const forwarded = splitUrl(header('x-forwarded-uri'));
  const uri = theOnly('address', below, whole?.uri, forwarded?.uri);
  if (uri === undefined) {
    throw new GatewayError('malformed_request', {
      detail: 'The proxy has to name the original request in X-Forwarded-Uri or X-Original-URL.',
    });
  }
  const host = theOnly(
    'host',
    below && request.headers.host,
    whole?.host,
    forwarded?.host,
    // Some proxies append what they see to what the client sent.
    ...(header('x-forwarded-host')?.split(',') ?? []),
  );
  const method = theOnly(
    'method',
    below && request.method,
    header('x-forwarded-method')?.toUpperCase(),
    header('x-original-method')?.toUpperCase(),
  );
  // The handshake of a WebSocket is a GET, whatever it is called on the way (RFC 8441 §4).
  const isTunnel = method === 'CONNECT' && asksForWebSocket(request);
  if (method !== undefined && !isTunnel && !methods.has(method)) throw new GatewayError('method_not_allowed');
  const target = makeTarget(uri, host ?? asked.host);
  exchange.method = isTunnel ? 'GET' : (method ?? 'GET');
  const destination = resolveRequest(reader, target, exchange.method, request.headers);
  exchange.destination = destination;
  return destination;
}

const methods: ReadonlySet<string> = new Set(proxiedMethods);
const readers: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Of what is named more than once, one and the same: proxies pass on what they do not set themselves. */
function theOnly(what: string, ...named: readonly (string | undefined)[]): string | undefined {
  // Of hosts alone the case is nothing (RFC 9110 §4.2.3).
  const plain = (value: string) => (what === 'host' ? value.trim().toLowerCase() : value);
  const [first, ...others] = named.flatMap((value) => (value === undefined ? [] : [plain(value)]));
  if (others.some((value) => value !== first)) {
    throw new GatewayError('malformed_request', {
      detail: `The question names the ${what} of the original request in two ways.`,
    });
  }
  return first;
}

/** A path with its query, or a whole URL. */
function splitUrl(url: string | undefined): { uri: string; host: string | undefined } | undefined {
  if (url === undefined) return undefined;
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (!absolute) return { uri: url, host: undefined };
  const rest = absolute[2] ?? '';
  return { uri: rest.startsWith('/') ? rest : `/${rest}`, host: absolute[1] };
}
