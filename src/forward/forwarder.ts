import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RouteConfig } from '../config/schema/index.ts';
import type { GatewayError } from '../errors.ts';
import type { HeaderSet } from './header-set.ts';
import type { Lifespan, LiveConnections } from './live-connections.ts';
import {
  compileInjection,
  compileRequestHeaders,
  type HeaderPolicy,
  type RawHeaders,
  type RequestHeaderBuilder,
  type Sender,
} from './request-headers.ts';
import { responseHeaders } from './response-headers.ts';
import type { TemplateContext } from './template.ts';
import { createUpstreamAgent, transfer } from './transfer.ts';
import { openTunnel } from './tunnel.ts';

/** A request that was allowed, with everything that its way upstream needs. */
export interface Forwarding {
  request: IncomingMessage;
  route: RouteConfig;
  /** Path and query, byte for byte. */
  path: string;
  sender: Sender;
  context: TemplateContext;
  /** The origin that the browser sees. */
  publicOrigin: string;
  /** Set-Cookie values that go with the answer. */
  setCookies: readonly string[];
  /** How long an event stream or a WebSocket may stay open; undefined where nobody is signed in. */
  lifespan: Lifespan | undefined;
  /** Nothing of an answer was sent yet. */
  fail(error: GatewayError): void;
}

export interface HttpForwarding extends Forwarding {
  response: ServerResponse;
  /** The answer broke after it had begun. */
  broke(error: GatewayError): void;
}

export interface TunnelForwarding extends Forwarding {
  socket: Duplex;
  head: Buffer;
  answered(status: number): void;
}

/** Takes allowed requests to their upstreams. */
export interface Forwarder {
  forward(job: HttpForwarding): void;
  openTunnel(job: TunnelForwarding): void;
  /** The headers that a route adds, for a proxy that forwards by itself. */
  identityHeaders(route: RouteConfig, context: TemplateContext): RawHeaders;
  close(): Promise<void>;
}

/**
 * @param headerSets the header templates of every route
 */
export function createForwarder(
  headerSets: ReadonlyMap<RouteConfig, HeaderSet>,
  policy: HeaderPolicy,
  live: LiveConnections,
): Forwarder {
  const agent = createUpstreamAgent();
  const builders = new Map<RouteConfig, RequestHeaderBuilder>();
  for (const [route, templates] of headerSets) {
    const upstreamHost = route.preserveHost ? undefined : new URL(route.upstream).host;
    builders.set(route, compileRequestHeaders(policy, { templates, upstreamHost }));
  }

  const prepare = (job: Forwarding) => {
    const { request, route, sender, context, publicOrigin, setCookies, lifespan } = job;
    const build = builders.get(route);
    if (!build) throw new Error('a route that is not of this gateway');
    const responsePolicy = { ownsCookie: policy.ownsCookie, upstreamOrigin: route.upstream };
    const personal = context.person !== undefined;
    return {
      headers: build(request, sender, context),
      rewriteHeaders: (raw: readonly (string | Buffer)[]) =>
        responseHeaders(raw, responsePolicy, { publicOrigin, personal, setCookies }),
      stayOpen: (end: (reason: string) => void) => (lifespan ? live.add(lifespan, end) : () => {}),
    };
  };

  return {
    forward(job) {
      const { route, request, response, path, fail, broke } = job;
      const { timeout, maxBody, upstream: origin } = route;
      transfer(agent, { request, response, origin, path, timeout, maxBody, fail, broke, ...prepare(job) });
    },
    openTunnel(job) {
      const { route, request, socket, head, path, answered, fail } = job;
      const { upstream: origin, timeout } = route;
      const responseTimeout = timeout.response;
      openTunnel({ request, socket, head, origin, path, responseTimeout, answered, fail, ...prepare(job) });
    },
    identityHeaders(route, context) {
      const headers: RawHeaders = [];
      compileInjection(headerSets.get(route) ?? new Map())(headers, context);
      return headers;
    },
    close: () => agent.destroy(),
  };
}
