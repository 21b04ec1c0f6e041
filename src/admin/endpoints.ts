import { type Clock, within } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Health } from '../estate/health.ts';
import { notAnswering } from '../estate/stop.ts';
import { formatOf } from '../observe/metrics/exposition.ts';
import type { People } from '../session/people.ts';
import { createSingleFlight } from '../session/shared/single-flight.ts';
import type { Controls } from './controls.ts';
import type { Audience, Sight } from './guard.ts';
import type { Problem } from './problem.ts';
import type { Status } from './status/facts.ts';
import { statusPage } from './status/page.ts';

/** What an endpoint is told of a request. */
export interface Call {
  query: URLSearchParams;
  /** What stands in the place of `{id}` in the path. */
  id: string;
  accept: string | undefined;
  /** How much of the answer they may see. */
  sight: Sight;
  /** Whether anybody sees all of it. */
  canSeeAll: boolean;
}

/** What it answers: a status with JSON, or with a text of some type, or why not. */
export type Reply =
  | { status: number; json?: unknown; headers?: Readonly<Record<string, string>> }
  | { status: number; type: string; text: string; headers?: Readonly<Record<string, string>> }
  | Problem;

/** One thing that the admin listener does. */
export interface AdminEndpoint {
  method: 'GET' | 'POST' | 'DELETE';
  /** As it stands in logs; `{id}` is one segment of a path. */
  path: string;
  /** `by sight`: everybody, and operators see more; its parameter `all` asks for that. */
  audience: Audience | 'by sight';
  /** The parameters that a query may have: a misspelt one must not make a trial the real thing. */
  parameters?: readonly string[];
  /** Rejects with GatewayError. */
  handle(call: Call): Reply | Promise<Reply>;
}

/** Everything that the admin listener does, as a table. */
export function adminEndpoints(controls: Controls, clock: Clock): readonly AdminEndpoint[] {
  // Anybody may ask, and each answer costs every process something.
  const scrapes = createSingleFlight<Metrics>();
  const looks = createSingleFlight<Status>();
  return [
    {
      method: 'GET',
      path: '/',
      audience: 'by sight',
      handle: async ({ sight, canSeeAll }) =>
        statusPage(await looks('', () => controls.status()), { sight, canSeeAll }),
    },
    {
      method: 'GET',
      path: '/healthz',
      audience: 'everybody',
      handle: () => ({ status: 200, json: { status: 'ok' } }),
    },
    {
      method: 'GET',
      path: '/readyz',
      audience: 'everybody',
      handle: async () => readiness(await healthIn(controls, clock)),
    },
    {
      method: 'GET',
      path: '/metrics',
      audience: 'everybody',
      async handle({ accept }) {
        const format = formatOf(accept);
        return metricsReply(await scrapes(format, () => controls.metrics(format)));
      },
    },
    {
      method: 'POST',
      path: '/reload',
      audience: 'operator',
      parameters: ['dry-run'],
      handle: ({ query }) => reload(controls, query.get('dry-run')),
    },
    {
      method: 'POST',
      path: '/drain',
      audience: 'operator',
      async handle() {
        await controls.drain();
        return { status: 200, json: { status: 'draining' } };
      },
    },
    {
      method: 'GET',
      path: '/config',
      audience: 'operator',
      handle: () => ({ status: 200, json: controls.config() }),
    },
    ...sessionEndpoints(controls),
  ];
}

const sessionEndpoints = (controls: Controls): readonly AdminEndpoint[] => [
  {
    method: 'GET',
    path: '/sessions',
    audience: 'operator',
    parameters: ['user'],
    handle: ({ query }) => ofUser(controls, query, listSessions),
  },
  {
    method: 'DELETE',
    path: '/sessions',
    audience: 'operator',
    parameters: ['user'],
    handle: ({ query }) => ofUser(controls, query, endSessions),
  },
  {
    method: 'DELETE',
    path: '/sessions/{id}',
    audience: 'operator',
    handle({ id }) {
      const people = controls.people();
      return people ? endSession(people, id) : nobodySignsIn;
    },
  },
];

/** Whoever asks for the health waits no longer, since orchestrators do not either. */
const longestHealthMs = 2000;
const noAnswer: Health = { ready: false, missing: [notAnswering], degraded: [] };

/** Whoever cannot say how it stands is not ready. */
async function healthIn(controls: Controls, clock: Clock): Promise<Health> {
  const asked = controls.health().catch(() => undefined);
  return (await within(clock, longestHealthMs, asked)) ?? noAnswer;
}

function readiness({ ready, missing, degraded }: Health): Reply {
  if (ready) return { status: 200, json: { status: degraded.length === 0 ? 'ok' : 'degraded', degraded } };
  const json = { status: 'unavailable', missing, degraded };
  return { status: 503, json, headers: { 'retry-after': '1' } };
}

type Metrics = Awaited<ReturnType<Controls['metrics']>>;

const metricsReply = (metrics: Metrics): Reply =>
  metrics
    ? { status: 200, ...metrics }
    : { status: 404, code: 'metrics_off', detail: 'the configuration says `metrics: off`' };

async function reload(controls: Controls, dryRun: string | null): Promise<Reply> {
  if (dryRun !== null && !['', 'true', 'false'].includes(dryRun))
    return malformed('dry-run has no value, or is true or false');
  const answer = await controls.reload({ dryRun: dryRun !== null && dryRun !== 'false' });
  if (answer.result !== 'refused') return { status: 200, json: answer };
  return {
    status: 422,
    code: 'configuration_refused',
    detail: 'not reloaded: the configuration in force stays',
    more: answer,
  };
}

const malformed = (detail: string): Problem => ({ status: 400, code: 'malformed_request', detail });

const nobodySignsIn: Problem = {
  status: 501,
  code: 'no_sessions',
  detail: 'this gateway does not give access to sessions',
};

type OfUser = (people: People, user: string) => Promise<Reply>;

/** A request that names nobody is never taken for one that means everybody. */
async function ofUser(controls: Controls, query: URLSearchParams, then: OfUser): Promise<Reply> {
  const [user = '', ...others] = query.getAll('user');
  if (user === '' || others.length > 0) return malformed('name one person: ?user=NAME');
  const people = controls.people();
  return people ? then(people, user) : nobodySignsIn;
}

const listSessions: OfUser = async (people, user) =>
  people.listing === 'none'
    ? {
        status: 501,
        code: 'sessions_in_cookies',
        detail: 'sessions are in cookies of browsers: they can be ended, and nobody can list them',
      }
    : { status: 200, json: { sessions: await people.list(user) } };

/** How many it were is not known of sessions in cookies. */
const endSessions: OfUser = async (people, user) => ({
  status: 200,
  json: { ended: (await people.endAll(user)) ?? null },
});

async function endSession(people: People, id: string): Promise<Reply> {
  const wasKnown = await people.end(id);
  if (wasKnown) return { status: 200, json: { ended: 1 } };
  // With sessions in cookies nobody can tell whether there was one; it is over all the same.
  if (people.listing === 'none') return { status: 200, json: { ended: null } };
  return { status: 404, code: 'no_such_session', detail: 'no session is known by this id' };
}

const storeOut = 'the store of sessions cannot be asked now; /readyz and the log say why';

/** What an error of an endpoint is answered with. */
export function problemOf(error: unknown): Problem {
  if (error instanceof GatewayError) {
    const { status, code, message, retryAfter } = error;
    const headers =
      retryAfter === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfter))) };
    // What people read of it says what it means for them.
    const detail = code === 'store_unavailable' ? storeOut : message;
    return { status, code, detail, headers };
  }
  return { status: 500, code: 'internal', detail: 'the gateway failed at this; its log says more' };
}
