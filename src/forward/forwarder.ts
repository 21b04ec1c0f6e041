import type { Clock } from '../clock.ts';
import type { AssertionConfig, RouteConfig, UpstreamConfig } from '../config/schema/index.ts';
import type { Keep } from '../holdings.ts';
import type { Emit } from '../observe/events.ts';
import type { Random } from '../random.ts';
import type { Assertions } from './assertion.ts';
import { openHealthCheck } from './balance/health.ts';
import type { Member } from './balance/member.ts';
import { createRetryBudget } from './balance/retry-budget.ts';
import { openStanding } from './balance/standing.ts';
import { balance } from './balance.ts';
import { limitAge } from './connection-age.ts';
import { createTurnEnds, type TurnEnds } from './end-of-turn.ts';
import type { Forwarding, HttpClient, TunnelClient, UpstreamRequest } from './forwarding.ts';
import type { LiveConnections } from './live-connections.ts';
import type { RawHeaders } from './request-headers.ts';
import { compileRetry } from './retry.ts';
import type { RouteHeaders } from './route-headers.ts';
import type { RouteTransfer } from './route-transfer.ts';
import { type Sticky, tiedTo } from './sticky.ts';
import type { TurnLimits } from './target-turns.ts';
import { closeTarget, openTarget, type Target, type TargetAddress } from './targets.ts';
import type { CompiledTemplate } from './template.ts';
import type { TemplateContext } from './template-values.ts';
import { transfer } from './transfer.ts';
import { openTunnel } from './tunnel.ts';
import type { SocketWatch } from './tunnel-job.ts';

/** Takes allowed requests to their upstreams. */
export interface Forwarder {
  forward(forwarding: Forwarding, client: HttpClient): UpstreamRequest;
  openTunnel(forwarding: Forwarding, client: TunnelClient): void;
  /** The headers that a route adds, for a proxy that forwards by itself. */
  identityHeaders(route: { index: number }, context: TemplateContext): RawHeaders;
  /** How the targets of each route stand, as far as requests have seen it. */
  targets(): TargetStanding[];
}

export interface TargetStanding {
  /** The place of the route among those of its plan. */
  route: number;
  /** The target, as it was configured. */
  target: string;
  isUp: boolean;
}

/** A route of a plan, as far as it says how requests go upstream. */
export interface ForwardedRoute extends Pick<RouteConfig, 'timeout' | 'maxBody'> {
  /** Its place among the routes of its plan. */
  index: number;
  /** Where the targets of its `upstream` are, in their order. */
  targets: readonly TargetAddress[];
  upstream: UpstreamConfig;
  /** The Host that checks of its targets ask for; undefined for the target's own. */
  checkHost: string | undefined;
  signs: AssertionConfig | undefined;
  /** @param assertion the value of the signed assertion's header, where the route has one */
  compileHeaders(assertion: CompiledTemplate | undefined, clock: Clock): RouteHeaders;
}

export interface ForwarderNeeds {
  keep: Keep;
  clock: Clock;
  random: Random;
  assertions: Pick<Assertions, 'compile'>;
  live: Pick<LiveConnections, 'add'>;
  watch: SocketWatch;
  /** How many requests each target has at once; undefined for any number. */
  turns: TurnLimits | undefined;
  /** Milliseconds; undefined for connections to targets that may be as old as they like. */
  connectionAge: number | undefined;
  /** Ties browsers to targets, by a cookie of this name. */
  stickyOf(cookie: string): Sticky;
  /** Tells what becomes of targets. */
  emit: Emit;
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
    openTunnel(forwarding, { tunnel, head, passage, answered, fail, left }) {
      const { path, route, trace } = forwarding;
      const { sticky, targets, retry, headersFor, rewriteHeaders, timeout, stayOpen, clock } =
        openedOf(route).settings;
      const tie = sticky?.read(forwarding.request.headers.cookie);
      openTunnel({
        tunnel,
        head,
        path,
        trace,
        passage,
        targets,
        turns: needs.turns,
        retry,
        responseTimeout: timeout.response,
        headersFor: (target: Target) => headersFor(forwarding, target),
        tie: tie?.target,
        rewriteHeaders: (raw, target) => rewriteHeaders(raw, tiedTo(forwarding, target, sticky, tie)),
        stayOpen: (end) => stayOpen(forwarding, end, 'websocket'),
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
    targets: () =>
      opened.flatMap(({ settings: { targets } }, route) =>
        targets.standing().map((each) => ({ route, ...each })),
      ),
  };
}

function openRoute(route: ForwardedRoute, needs: ForwarderNeeds): OpenRoute {
  const { targets, upstream, signs, compileHeaders, timeout, maxBody } = route;
  const { keep, clock, random, assertions, live, turns, emit, stickyOf } = needs;
  const turnEnds = keep('turn ends', '', createTurnEnds);
  const members = openMembers(route, needs, turnEnds);
  const keys = targets.map(({ key }) => key).sort();
  const budget = keep('retry budget', keys.join(), () => createRetryBudget(clock));
  const { ofRequest, ofAnswer, inject } = compileHeaders(signs && assertions.compile(signs), clock);
  const settings: RouteTransfer = {
    clock,
    turnEnds,
    turns,
    targets: balance(members, upstream, { clock, random, turns, ...tellTargets(emit) }),
    sticky: upstream.sticky && stickyOf(upstream.sticky.cookie),
    retry: compileRetry(upstream.retry, { budget, clock, random }),
    headersFor: ({ request, sender, context, writesTo }, { origin }) =>
      ofRequest(request, sender, context, origin, writesTo),
    rewriteHeaders: ofAnswer,
    timeout,
    maxBody,
    stayOpen: ({ lifespan }, end, kind) => live.add(lifespan, end, kind),
  };
  return { settings, inject };
}

/** The targets of a route, with what is known of them: all of it outlives the plan. */
function openMembers(
  { targets, upstream, checkHost }: ForwardedRoute,
  { keep, clock, random, watch, emit, connectionAge }: ForwarderNeeds,
  turnEnds: TurnEnds,
): Member[] {
  const { eject, health } = upstream;
  const { onCheckOut: onOut, onCheckBack: onBack } = tellTargets(emit);
  return targets.map((address, at) => {
    const { key } = address;
    const open = () => openTarget(address, { opened: watch.add, clock, turnEnds });
    const target = keep('target', key, open, closeTarget);
    if (connectionAge !== undefined) {
      const age = () => limitAge(target, connectionAge, { clock, random });
      keep('connection age', JSON.stringify([key, connectionAge]), age, ({ close }) => close());
    }
    const check =
      health &&
      keep(
        'target check',
        JSON.stringify([key, checkHost, health]),
        () => openHealthCheck(target, health, checkHost, { clock, random, onOut, onBack }),
        ({ close }) => close(),
      );
    return {
      target,
      weight: upstream.targets[at]?.weight ?? 1,
      // Others may not mind what these routes leave a target out for.
      standing: keep('target standing', JSON.stringify([key, eject]), openStanding),
      health: check?.health,
    };
  });
}

function tellTargets(emit: Emit) {
  const sayOut = ({ name }: Target, reason: string) => emit({ kind: 'target-out', target: name, reason });
  const onCheckOut = (target: Target, reason: string) => {
    // What is idle may lead to where nobody answers any more, such as an address that the name had before.
    target.renew();
    sayOut(target, reason);
  };
  const onCheckBack = ({ name }: Target) => emit({ kind: 'target-back', target: name });
  return {
    onOdd: ({ name }: Target, { message }: Error) =>
      emit({ kind: 'target-repaired', target: name, reason: message }),
    onOut({ target, standing }: Member, reason: string) {
      // A connection that could not be made says nothing of those that are there.
      if (standing.isUnreachable) sayOut(target, reason);
      else onCheckOut(target, reason);
    },
    onBack: ({ target }: Member) => onCheckBack(target),
    onCheckOut,
    onCheckBack,
  };
}
