import type { Clock } from '../clock.ts';
import { type Assertions, createAssertions } from '../forward/assertion.ts';
import { type Forwarder, openForwarder } from '../forward/forwarder.ts';
import type { LiveConnections } from '../forward/live-connections.ts';
import type { SocketWatch } from '../forward/tunnel-job.ts';
import type { Keep, Lease } from '../holdings.ts';
import { identifyPeople } from '../identity/claims/person.ts';
import { openIdentity } from '../identity/open-identity.ts';
import { connectProviders } from '../identity/provider/providers.ts';
import { createGrants } from '../identity/provider/refresh.ts';
import type { Emit } from '../observe/events.ts';
import type { Traces } from '../observe/trace.ts';
import type { Plan } from '../plan/plan.ts';
import type { Random } from '../random.ts';
import { createTokenLimits } from '../request/limit.ts';
import { createReturnCheck, createStepUpFinder } from '../request/own-addresses.ts';
import { openPipeline, type Pipeline } from '../request/pipeline.ts';
import { openSessions, type StoreStanding } from '../session/open-sessions.ts';
import type { People } from '../session/people.ts';
import type { PrimaryCalls } from '../session/shared/primary-calls.ts';
import { createStickyCookies } from '../session/sticky-cookie.ts';
import { type Degraded, type Health, healthOf } from './health.ts';
import { keepRateLimits, limitRequests, turnsAtTargets } from './limits.ts';
import type { OpenRequests } from './requests.ts';

/** What everything that is opened for a plan gets beside the plan. */
export interface GenerationNeeds {
  keep: Keep;
  /** Calls back when this plan ends, also when it could not be opened. */
  defer: Lease['defer'];
  emit: Emit;
  clock: Clock;
  random: Random;
  /** The line of a worker to its primary process. */
  primary: PrimaryCalls | undefined;
  traces?: Traces | undefined;
  /** Whether requests should be sent here, for the gateway's own endpoint that says so. */
  isReady(): boolean;
  live: LiveConnections;
  watch: SocketWatch;
}

/** One plan at work: what it decides with, over the things that outlive it. */
export interface Generation {
  pipeline: Pipeline;
  /** How the process ends while this plan is in force. */
  shutdown: Plan['config']['shutdown'];
  /** The requests that it decides, as far as they are under way. */
  requests: OpenRequests;
  /** How the targets of its routes stand, by the name of the route. */
  targets(): { route: string; target: string; isUp: boolean }[];
  /** The sessions of people, for those who run the gateway. */
  people: People;
  /** Resolves when each provider was found, or could not be for the first time: nobody should have to wait for that later. */
  prepared: Promise<void>;
  /** Resolves when the store has answered, and the sign-outs are known. */
  ready: Promise<void>;
  /** What is wrong with the store; undefined for nothing. */
  storeProblem(): string | undefined;
  /** From now on it decides. */
  putInForce(): void;
  /** How it stands, as far as that is its own. */
  health(): Health;
  /** What is missing before requests with a session are served, in sentences; to ask costs nothing. */
  missing(): string[];
  /** Waits for refreshes under way, whose answers must be written down, but no longer than this. */
  finish(withinMs: number): Promise<void>;
}

/** Opens what a plan needs. Throws when a file that it names cannot be used. */
export function openGeneration(plan: Plan, needs: GenerationNeeds): Generation {
  const { config, claims, reader, cookies, ring, redisCa, read } = plan;
  const { keep, defer, emit, clock, random, primary, traces, live } = needs;
  const providers = connectProviders(config.providers, { emit, clock, random, keep, read });
  defer(providers.close);
  const grant = createGrants({ providers, claimPaths: claims.claimPaths, emit, clock, random, keep });
  const identify = identifyPeople(config.providers);
  const from = { keep, cookies, ring, redisCa, grant, identify, primary, traces };
  const opened = openSessions(config, { ...from, emit, clock, random });
  const { sessions, revocations, shared, problem, standing, finish, ready, inForce } = opened;
  defer(revocations.onRevoked(() => live.endRevoked()));
  const places = { isReadable: createReturnCheck(reader), findStepUp: createStepUpFinder(reader) };
  const people = { providers, sessions, shared, cookies, ring, claims, ...places };
  const rateLimits = keepRateLimits(plan, needs, opened.counts);
  const tokenLimits = createTokenLimits(rateLimits);
  const identity = openIdentity(config, { ...people, tokenLimits, emit, clock, random, keep, read });
  const assertions = keepAssertions(plan, keep, clock);
  const forwarder = openTargets(plan, needs, assertions);
  const missing = () => missingOf(standing());
  const troubles = () => troublesOf([providers, identity.bearer], standing());
  const { requests, isOverloaded } = limitRequests(config.limits, needs);
  const keySet = plan.assertions.length > 0 ? () => assertions.keySet() : undefined;
  const decides = { reader, returnOrigins: plan.origins, resources: plan.resources, keySet };
  const pipeline = openPipeline(
    { ...decides, closeAtTokenExpiry: config.websocket.onExpiry === 'close' },
    {
      ...identity,
      sessions,
      revocations,
      forwarder,
      rateLimits,
      isOverloaded,
      traces,
      emit,
      clock,
      enter: requests.enter,
      isReady: needs.isReady,
    },
  );
  return {
    pipeline,
    shutdown: config.shutdown,
    requests,
    targets: () => standingOf(plan, forwarder),
    people: opened.people,
    prepared: providers.tried,
    ready,
    storeProblem: problem,
    putInForce: inForce,
    health: () => healthOf(missing(), troubles()),
    missing,
    finish,
  };
}

/** What takes requests to the targets of a plan. */
function openTargets(
  { config, routes, ring, cookies }: Plan,
  needs: GenerationNeeds,
  assertions: Assertions,
) {
  const { keep, clock, random, live, watch, emit } = needs;
  return openForwarder(routes, {
    keep,
    clock,
    random,
    assertions,
    live,
    watch,
    turns: turnsAtTargets(config.limits, needs),
    emit,
    connectionAge: config.limits.connectionAge,
    stickyOf: createStickyCookies(ring, cookies),
  });
}

/** The targets under the names of their routes. */
const standingOf = ({ routes }: Plan, { targets }: Pick<Forwarder, 'targets'>) =>
  targets().map(({ route, ...target }) => ({ route: routes[route]?.route.label ?? '', ...target }));

/** Whoever has a session waits until the sign-outs are known; what goes out later passes. */
function missingOf({ wasReady, trouble }: StoreStanding): string[] {
  if (wasReady) return [];
  return [trouble === undefined ? 'the sign-outs were not loaded yet' : `the store: ${trouble.detail}`];
}

function troublesOf(
  parts: readonly ({ troubles(): Degraded[] } | undefined)[],
  store: StoreStanding,
): Degraded[] {
  return [...troubleOf(store), ...parts.flatMap((part) => part?.troubles() ?? [])];
}

function troubleOf({ trouble }: StoreStanding): Degraded[] {
  return trouble === undefined ? [] : [trouble];
}

/** The keys of the signed assertion follow from the secrets: the same secrets have the same keys. */
function keepAssertions({ config, assertions, ring }: Plan, keep: Keep, clock: Clock): Assertions {
  const issuer = config.publicUrl[0] ?? '';
  const rotations = assertions.map(({ rotation }) => rotation);
  const secrets = ring.session.map(({ id }) => id.toString('hex'));
  return keep('assertion keys', JSON.stringify([issuer, rotations, secrets]), () =>
    createAssertions({ secrets: config.session.secret, issuer, rotations }, clock.now),
  );
}
