import type { RouteConfig } from '../config/schema/index.ts';
import { type Admitting, compileAudience } from './caching.ts';
import type { Forwarding, HttpClient, TunnelClient, UnderWay } from './forwarding.ts';
import type { HeaderSet } from './header-set.ts';
import type { LiveConnections } from './live-connections.ts';
import {
  compileInjection,
  compileRequestHeaders,
  type HeaderPolicy,
  type RawHeaders,
} from './request-headers.ts';
import { compileResponseHeaders } from './response-headers.ts';
import { createTargetFactory, type Target } from './targets.ts';
import { type CompiledTemplate, namesPerson } from './template.ts';
import type { TemplateContext } from './template-values.ts';
import { transfer, type Way } from './transfer.ts';
import { openTunnel, type SocketWatch } from './tunnel.ts';

/** Takes allowed requests to their upstreams. */
export interface Forwarder {
  forward(forwarding: Forwarding, client: HttpClient): UnderWay;
  openTunnel(forwarding: Forwarding, client: TunnelClient): void;
  /** The headers that a route adds, for a proxy that forwards by itself. */
  identityHeaders(route: RouteConfig, context: TemplateContext): RawHeaders;
  close(): Promise<void>;
}

/** What a route adds to its requests, beside its templates. */
export interface RouteExtras {
  headers: HeaderSet;
  access: Admitting;
  /** The signed assertion, where the route has one. */
  assertion: { header: string; value: CompiledTemplate } | undefined;
  /** The path that is taken off, for X-Forwarded-Prefix; undefined for none. */
  prefix: string | undefined;
  /** A path of the upstream as browsers have to ask for it; undefined where there is no such path. */
  toPublicPath(path: string): string | undefined;
}

/** Who looks after connections that stay open. */
export interface OpenConnections {
  live: LiveConnections;
  watch: SocketWatch;
  /** Called once for a target whose answers have to be repaired. */
  onOddTarget(target: Target, error: Error): void;
}

interface CompiledRoute {
  way: Way;
  inject(headers: RawHeaders, context: TemplateContext): void;
}

/**
 * Throws when a file of a route's `tls` cannot be read.
 * @param routes every route of the gateway, with what it adds
 */
export function createForwarder(
  routes: ReadonlyMap<RouteConfig, RouteExtras>,
  policy: HeaderPolicy,
  { live, watch, onOddTarget }: OpenConnections,
): Forwarder {
  const factory = createTargetFactory(onOddTarget, watch.add);
  const compiled = new Map<RouteConfig, CompiledRoute>();
  for (const [route, extras] of routes) compiled.set(route, compile(route, extras));

  function compile(
    route: RouteConfig,
    { headers, access, assertion, prefix, toPublicPath }: RouteExtras,
  ): CompiledRoute {
    const targets = factory.targetsOf(route);
    const computed = assertion && ([[assertion.header, assertion.value]] as const);
    const { preserveHost, timeout, maxBody, responseHeaders } = route;
    const build = compileRequestHeaders(policy, { templates: headers, computed, preserveHost, prefix });
    const templates = [...headers.values(), ...Object.values(responseHeaders)];
    const tellsPerson = assertion !== undefined || templates.some((each) => each && namesPerson(each));
    const rewriteHeaders = compileResponseHeaders(responseHeaders, {
      ownsCookie: policy.ownsCookie,
      upstreamOrigins: targets.origins,
      toPublicPath,
      audienceOf: compileAudience(route, access, tellsPerson),
    });
    const way: Way = {
      targets,
      headersFor: ({ request, sender, context, writesTo }, { origin }) =>
        build(request, sender, context, origin, writesTo),
      rewriteHeaders,
      timeout,
      maxBody,
      stayOpen: ({ lifespan }, end) => (lifespan ? live.add(lifespan, end) : () => {}),
    };
    return { way, inject: compileInjection(headers, computed) };
  }

  const compiledOf = (route: RouteConfig): CompiledRoute => {
    const found = compiled.get(route);
    if (!found) throw new Error('a route that is not of this gateway');
    return found;
  };

  return {
    forward: (forwarding, client) => transfer(forwarding, client, compiledOf(forwarding.route).way),
    openTunnel(forwarding, { socket, head, answered, fail, left }) {
      const { request, path, route } = forwarding;
      const { targets, headersFor, rewriteHeaders, timeout, stayOpen } = compiledOf(route).way;
      openTunnel({
        request,
        socket,
        head,
        path,
        targets,
        responseTimeout: timeout.response,
        headersFor: (target: Target) => headersFor(forwarding, target),
        rewriteHeaders: (raw) => rewriteHeaders(raw, forwarding),
        stayOpen: (end) => stayOpen(forwarding, end),
        answered,
        fail,
        left,
        watch,
      });
    },
    identityHeaders(route, context) {
      const headers: RawHeaders = [];
      compiledOf(route).inject(headers, context);
      return headers;
    },
    close: () => factory.close(),
  };
}
