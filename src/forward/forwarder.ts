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
import { compileResponseHeaders, type ResponseHeaderPolicy, responseHeaders } from './response-headers.ts';
import { createTargetFactory, type Target, type Targets } from './targets.ts';
import type { CompiledTemplate, TemplateContext } from './template.ts';
import { transfer } from './transfer.ts';
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
  /** Takes over an upstream's 401, by its headers; false for one that goes on to the client. */
  challenged(rawHeaders: readonly (string | Buffer)[]): boolean;
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

/** What a route adds to its requests, beside its templates. */
export interface RouteExtras {
  headers: HeaderSet;
  /** The signed assertion, where the route has one. */
  assertion: { header: string; value: CompiledTemplate } | undefined;
  /** The path that is taken off, for X-Forwarded-Prefix; undefined for none. */
  prefix: string | undefined;
  /** A path of the upstream as browsers have to ask for it; undefined where there is no such path. */
  toPublicPath(path: string): string | undefined;
}

interface Way {
  targets: Targets;
  build: RequestHeaderBuilder;
  inject(headers: RawHeaders, context: TemplateContext): void;
  response: Omit<ResponseHeaderPolicy, 'ownsCookie'>;
}

/**
 * Throws when a file of a route's `tls` cannot be read.
 * @param routes every route of the gateway, with what it adds
 */
export function createForwarder(
  routes: ReadonlyMap<RouteConfig, RouteExtras>,
  policy: HeaderPolicy,
  live: LiveConnections,
): Forwarder {
  const factory = createTargetFactory();
  const ways = new Map<RouteConfig, Way>();
  for (const [route, extras] of routes) ways.set(route, openWay(route, extras));

  function openWay(route: RouteConfig, { headers, assertion, prefix, toPublicPath }: RouteExtras): Way {
    const targets = factory.targetsOf(route);
    const computed = assertion && ([[assertion.header, assertion.value]] as const);
    return {
      targets,
      build: compileRequestHeaders(policy, {
        templates: headers,
        computed,
        preserveHost: route.preserveHost,
        prefix,
      }),
      inject: compileInjection(headers, computed),
      response: {
        upstreamOrigins: targets.origins,
        toPublicPath,
        ...compileResponseHeaders(route.responseHeaders),
      },
    };
  }

  const wayOf = (route: RouteConfig): Way => {
    const way = ways.get(route);
    if (!way) throw new Error('a route that is not of this gateway');
    return way;
  };

  const prepare = (job: Forwarding) => {
    const { request, sender, context, publicOrigin, setCookies, lifespan } = job;
    const { targets, build, response } = wayOf(job.route);
    const responsePolicy = { ownsCookie: policy.ownsCookie, ...response };
    const personal = context.person !== undefined;
    return {
      targets,
      headersFor: ({ origin }: Target) => build(request, sender, context, origin),
      rewriteHeaders: (raw: readonly (string | Buffer)[]) =>
        responseHeaders(raw, responsePolicy, { publicOrigin, personal, setCookies, template: context }),
      stayOpen: (end: (reason: string) => void) => (lifespan ? live.add(lifespan, end) : () => {}),
    };
  };

  return {
    forward(job) {
      const { route, request, response, path, fail, broke, challenged } = job;
      const { timeout, maxBody } = route;
      transfer({ request, response, path, timeout, maxBody, fail, broke, challenged, ...prepare(job) });
    },
    openTunnel(job) {
      const { route, request, socket, head, path, answered, fail } = job;
      const responseTimeout = route.timeout.response;
      openTunnel({ request, socket, head, path, responseTimeout, answered, fail, ...prepare(job) });
    },
    identityHeaders(route, context) {
      const headers: RawHeaders = [];
      wayOf(route).inject(headers, context);
      return headers;
    },
    close: () => factory.close(),
  };
}
