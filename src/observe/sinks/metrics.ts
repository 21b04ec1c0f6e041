import { type Bounded, createBounded } from '../../bounded.ts';
import type { Told, ToldOf } from '../events.ts';
import { decisionOf, gatewayMsOf, reasonOf, requestKindOf, targetOf, upstreamMsOf } from '../facts.ts';
import { boundedMethods, methodIndex, statusKey, statusText } from '../metrics/bounded-labels.ts';
import type { Series } from '../metrics/meters.ts';
import type { Counter, Histogram } from '../metrics/series.ts';
import { clientLeftStatus, type ObservedExchange } from '../observed-exchange.ts';
import type { OpenSink } from './sink.ts';

type Counted = {
  [K in Told['kind']]?: (series: Series, event: ToldOf<K>) => void;
};

const seconds = (ms: number) => ms / 1000;

/** What counts of events that do not come once for each request. */
const counted = {
  'login-finished': ({ counters }, { provider }) => add(counters.logins.at(provider, 'ok')),
  'login-failed': ({ counters }, { provider = 'unknown', code }) => add(counters.logins.at(provider, code)),
  'login-restarted': ({ counters }, { provider }) => add(counters.logins.at(provider, 'restarted')),
  'login-late': ({ counters }, { provider }) => add(counters.logins.at(provider, 'late')),
  'refresh-finished': ({ counters }, { renewal, provider }) => {
    if (renewal === 'refresh') add(counters.refreshes.at(provider, 'ok'));
  },
  'refresh-failed': ({ counters }, { renewal, provider, retryAfter }) => {
    if (renewal !== 'refresh') return;
    add(counters.refreshes.at(provider, retryAfter === undefined ? 'failed' : 'unavailable'));
  },
  'session-ended': ({ counters }, { by }) => add(counters.sessionsEnded.at(by)),
  'sessions-ended': ({ counters }, { sessions }) => {
    // Of those that are listed each has an event of its own.
    if (sessions === undefined) add(counters.sessionsEnded.at('operator'));
  },
  'signed-out': ({ counters }) => add(counters.sessionsEnded.at('sign-out')),
  'back-channel-logout': ({ counters }) => add(counters.sessionsEnded.at('back-channel')),
  'front-channel-logout': ({ counters }) => add(counters.sessionsEnded.at('front-channel')),
  'provider-called': ({ histograms }, { provider, endpoint, ms }) =>
    histograms.providerDuration.at(provider, endpoint).observe(seconds(ms)),
  'store-asked': ({ histograms }, { operation, ms }) =>
    histograms.storeDuration.at(operation).observe(seconds(ms)),
  reloaded: ({ counters }) => add(counters.reloads.at('ok')),
  'reload-refused': ({ counters }) => add(counters.reloads.at('refused')),
  'reload-off': ({ counters }) => add(counters.reloads.at('off')),
  'log-lines-dropped': ({ counters }, { lines }) => add(counters.linesDropped.at(), lines),
} satisfies Counted;

function add(counter: Counter, count = 1): void {
  counter.count += count;
}

/** Counts what happens, in the series of this process. */
export const openMetrics: OpenSink = (_options, { meters }) => {
  const counting = counted as Counted as Readonly<
    Record<string, ((series: Series, event: Told) => void) | undefined>
  >;
  let found: RequestSeries | undefined;
  const ofRequests = (series: Series) => {
    if (found?.series !== series) found = findRequestSeries(series);
    return found;
  };
  return {
    name: 'metrics',
    wants: (kind) => kind === 'request-finished' || kind === 'request-left' || kind in counted,
    take(event) {
      const series = meters.series();
      if (!series) return;
      if (event.kind === 'request-finished')
        ofRequests(series).count(event.exchange, event.status, event.durationMs);
      else if (event.kind === 'request-left')
        ofRequests(series).count(event.exchange, clientLeftStatus, event.durationMs);
      else counting[event.kind]?.(series, event);
    },
  };
};

/** What was found for requests of one route, so that nothing is put together for the next of their kind. */
interface OfRoute {
  duration: Histogram;
  /** By method, status and decision as one number. */
  requests: Map<number, Counter>;
  decisions: Map<string, Map<string, Counter>>;
  upstream: Map<string, Histogram>;
}

interface RequestSeries {
  series: Series;
  count(exchange: ObservedExchange, status: number, durationMs: number): void;
}

/** More routes than have series. */
const mostRoutes = 1000;

function findRequestSeries(series: Series): RequestSeries {
  const { counters, histograms } = series;
  const routes = createBounded<string, OfRoute>({ entries: mostRoutes });
  const gatewayDuration = histograms.gatewayDuration.at();
  return {
    series,
    count(exchange, status, durationMs) {
      const route = routeLabelOf(series, exchange);
      const known = routes.peek(route) ?? remember(routes, route, series);
      const outcome = decisionOf(exchange) ?? 'none';
      const method = methodIndex(exchange.method);
      const key = (statusKey(status) * 16 + method) * 8 + outcomes.indexOf(outcome);
      let requests = known.requests.get(key);
      if (!requests) {
        requests = counters.requests.at(route, boundedMethods[method] as string, statusText(status), outcome);
        known.requests.set(key, requests);
      }
      requests.count++;
      if (outcome !== 'none')
        decisionSeries(series, known, route, outcome, reasonOf(exchange) ?? 'none').count++;
      gatewayDuration.observe(seconds(gatewayMsOf(exchange, durationMs)));
      const upstreamMs = upstreamMsOf(exchange, durationMs);
      if (upstreamMs !== undefined)
        upstreamSeries(series, known, route, targetOf(exchange) ?? 'none').observe(seconds(upstreamMs));
      if (requestKindOf(exchange) !== 'event-stream') known.duration.observe(seconds(durationMs));
    },
  };
}

const outcomes: readonly string[] = ['none', 'allow', 'login', 'step-up', 'deny', 'answer', 'refuse'];

function routeLabelOf({ hasRoutes }: Series, { destination }: ObservedExchange): string {
  if ('error' in destination) return 'none';
  if (destination.resolution.kind !== 'route') return 'gateway';
  return hasRoutes ? destination.resolution.route.label : 'all';
}

function remember(routes: Bounded<string, OfRoute>, route: string, { histograms }: Series): OfRoute {
  const made: OfRoute = {
    duration: histograms.requestDuration.at(route),
    requests: new Map(),
    decisions: new Map(),
    upstream: new Map(),
  };
  routes.set(route, made);
  return made;
}

function decisionSeries(
  { counters }: Series,
  { decisions }: OfRoute,
  route: string,
  decision: string,
  reason: string,
): Counter {
  const byReason = decisions.get(decision) ?? new Map<string, Counter>();
  decisions.set(decision, byReason);
  let found = byReason.get(reason);
  if (!found) {
    found = counters.decisions.at(route, decision, reason);
    byReason.set(reason, found);
  }
  return found;
}

function upstreamSeries(
  { histograms }: Series,
  { upstream }: OfRoute,
  route: string,
  target: string,
): Histogram {
  let found = upstream.get(target);
  if (!found) {
    found = histograms.upstreamDuration.at(route, target);
    upstream.set(target, found);
  }
  return found;
}
