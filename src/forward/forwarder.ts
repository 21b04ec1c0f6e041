import type { Clock } from '../clock.ts';
import type { AssertionConfig, RouteConfig } from '../config/schema/index.ts';
import type { Keep } from '../holdings.ts';
import type { Assertions } from './assertion.ts';
import { balance } from './balance.ts';
import { createTurnEnds } from './end-of-turn.ts';
import type { Forwarding, HttpClient, TunnelClient, UpstreamRequest } from './forwarding.ts';
import type { LiveConnections } from './live-connections.ts';
import type { RawHeaders } from './request-headers.ts';
import type { RouteHeaders } from './route-headers.ts';
import type { TurnLimits } from './target-turns.ts';
import { closeTarget, openTarget, type Target, type TargetAddress } from './targets.ts';
import type { CompiledTemplate } from './template.ts';
import type { TemplateContext } from './template-values.ts';
import { type RouteTransfer, transfer } from './transfer.ts';
import { openTunnel, type SocketWatch } from './tunnel.ts';

/** Takes allowed requests to their upstreams. */
export interface Forwarder {
  forward(forwarding: Forwarding, client: HttpClient): UpstreamRequest;
  openTunnel(forwarding: Forwarding, client: TunnelClient): void;
  /** The headers that a route adds, for a proxy that forwards by itself. */
  identityHeaders(route: { index: number }, context: TemplateContext): RawHeaders;
}

/** A route of a plan, as far as it says how requests go upstream. */
export interface ForwardedRoute extends Pick<RouteConfig, 'timeout' | 'maxBody'> {
  /** Its place among the routes of its plan. */
  index: number;
  targets: readonly TargetAddress[];
  signs: AssertionConfig | undefined;
  /** @param assertion the value of the signed assertion's header, where the route has one */
  compileHeaders(assertion: CompiledTemplate | undefined, clock: Clock): RouteHeaders;
}

export interface ForwarderNeeds {
  keep: Keep;
  clock: Clock;
  assertions: Pick<Assertions, 'compile'>;
  live: Pick<LiveConnections, 'add'>;
  watch: SocketWatch;
  /** How many requests each target has at once; undefined for any number. */
  turns: TurnLimits | undefined;
  /** Called once for a target whose answers have to be repaired. */
  onOddTarget(target: Target, error: Error): void;
}

interface OpenRoute {
  settings: RouteTransfer;
  inject: RouteHeaders['inject'];
}

/** @param routes every route of a plan, each at its index */
export function openForwarder(routes: readonly ForwardedRoute[], needs: ForwarderNeeds): Forwarder {
  const opened = routes.map((route) => openRoute(route, needs));
  const openedOf = ({ index }: { index: number }) => opened[index] as OpenRoute;
  return {
    forward: (forwarding, client) => transfer(forwarding, client, openedOf(forwarding.route).settings),
    openTunnel(forwarding, { tunnel, head, answered, fail, left }) {
      const { path, route } = forwarding;
      const { targets, headersFor, rewriteHeaders, timeout, stayOpen, clock } = openedOf(route).settings;
      openTunnel({
        tunnel,
        head,
        path,
        targets,
        turns: needs.turns,
        responseTimeout: timeout.response,
        headersFor: (target: Target) => headersFor(forwarding, target),
        rewriteHeaders: (raw) => rewriteHeaders(raw, forwarding),
        stayOpen: (end) => stayOpen(forwarding, end),
        answered,
        fail,
        left,
        watch: needs.watch,
        clock,
      });
    },
    identityHeaders(route, context) {
      const headers: RawHeaders = [];
      openedOf(route).inject(headers, context);
      return headers;
    },
  };
}

function openRoute(
  { targets, signs, compileHeaders, timeout, maxBody }: ForwardedRoute,
  { keep, clock, assertions, live, watch, turns, onOddTarget }: ForwarderNeeds,
): OpenRoute {
  const turnEnds = keep('turn ends', '', createTurnEnds);
  const open = (address: TargetAddress): Target =>
    keep(
      'target',
      address.key,
      () => openTarget(address, { opened: watch.add, clock, turnEnds }),
      closeTarget,
    );
  const { ofRequest, ofAnswer, inject } = compileHeaders(signs && assertions.compile(signs), clock);
  const settings: RouteTransfer = {
    clock,
    turnEnds,
    turns,
    targets: balance(targets.map(open), clock, onOddTarget),
    headersFor: ({ request, sender, context, writesTo }, { origin }) =>
      ofRequest(request, sender, context, origin, writesTo),
    rewriteHeaders: ofAnswer,
    timeout,
    maxBody,
    stayOpen: ({ lifespan }, end) => live.add(lifespan, end),
  };
  return { settings, inject };
}
