import type { Clock } from '../clock.ts';
import { type Assertions, createAssertions } from '../forward/assertion.ts';
import { openForwarder } from '../forward/forwarder.ts';
import type { LiveConnections } from '../forward/live-connections.ts';
import type { TurnLimits } from '../forward/target-turns.ts';
import type { SocketWatch } from '../forward/tunnel.ts';
import type { Keep, Lease } from '../holdings.ts';
import { identifyPeople } from '../identity/claims/person.ts';
import { type Identity, openIdentity } from '../identity/open-identity.ts';
import { connectProviders, type Providers } from '../identity/provider/providers.ts';
import { createGrants } from '../identity/provider/refresh.ts';
import { openRateLimits, type RateLimits } from '../limits/rate-limits.ts';
import { createRefusals, type Refusals } from '../limits/refusals.ts';
import type { Emit } from '../observe/events.ts';
import type { Plan } from '../plan/plan.ts';
import type { Random } from '../random.ts';
import { createTokenLimits } from '../request/limit.ts';
import { createReturnCheck, createStepUpFinder } from '../request/own-addresses.ts';
import { openPipeline, type Pipeline } from '../request/pipeline.ts';
import { openSessions, type StoreStanding } from '../session/open-sessions.ts';
import type { People } from '../session/people.ts';
import type { PrimaryCalls } from '../session/shared/primary-calls.ts';
import type { CountDesk } from '../session/shared/shared.ts';
import { type Degraded, type Health, healthOf } from './health.ts';
import { countRequests, type InFlight, type OpenRequests } from './requests.ts';

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
  const { config, claims, reader, cookies, ring, read, redisCa } = plan;
  const { keep, defer, emit, clock, random, primary, live, watch } = needs;
  const providers = connectProviders(config.providers, { emit, clock, random, keep, read });
  defer(providers.close);
  const grant = createGrants({ providers, claimPaths: claims.claimPaths, emit, clock, random, keep });
  const identify = identifyPeople(config.providers);
  const from = { keep, cookies, ring, redisCa, grant, identify, primary };
  const opened = openSessions(config, { ...from, emit, clock, random });
  const { sessions, revocations, shared, problem, standing, finish, ready, inForce } = opened;
  defer(revocations.onRevoked(() => live.endRevoked()));
  const places = { isReadable: createReturnCheck(reader), findStepUp: createStepUpFinder(reader) };
  const people = { providers, sessions, shared, cookies, ring, claims, ...places };
  const rateLimits = keepRateLimits(plan, needs, opened.counts);
  const tokenLimits = createTokenLimits(rateLimits);
  const identity = openIdentity(config, { ...people, tokenLimits, emit, clock, random, keep, read });
  const assertions = keepAssertions(plan, keep, clock);
  const forwarder = openForwarder(plan.routes, {
    keep,
    clock,
    assertions,
    live,
    watch,
    turns: turnsAtTargets(config.limits, needs),
    onOddTarget: ({ name }, error) => emit({ kind: 'target-repaired', target: name, reason: error.message }),
  });
  const missing = () => missingOf(standing());
  const troubles = () => troublesOf(standing(), providers, identity);
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
    people: opened.people,
    prepared: providers.tried,
    ready,
    storeProblem: problem,
    putInForce: tellingExempt(inForce, config, emit),
    health: () => healthOf(missing(), troubles()),
    missing,
    finish,
  };
}

function keepRefusals({ keep, clock, emit }: GenerationNeeds): Refusals {
  return keep('refusals', 'requests', () =>
    createRefusals(
      (limit, client, refused) => emit({ kind: 'requests-limited', limit, client, refused }),
      clock,
    ),
  );
}

/** How many requests each target has at once. */
function turnsAtTargets(
  { upstreamConnections: most, queue }: Plan['config']['limits'],
  needs: GenerationNeeds,
): TurnLimits | undefined {
  if (most === undefined) return undefined;
  const refusals = keepRefusals(needs);
  return { most, queue, refused: () => refusals.refused('limits.upstreamConnections', undefined) };
}

/** Counts the requests of a plan, and those of all plans, which may be too many. */
function limitRequests(limits: Plan['config']['limits'], needs: GenerationNeeds) {
  const inFlight = needs.keep('requests in flight', 'this process', () => ({ requests: 0 }));
  return { requests: countRequests(inFlight), isOverloaded: createOverload(limits, inFlight, needs) };
}

function createOverload(
  { requestsInFlight: most }: Plan['config']['limits'],
  inFlight: InFlight,
  needs: GenerationNeeds,
): () => boolean {
  if (most === undefined) return () => false;
  const refusals = keepRefusals(needs);
  return () => {
    if (inFlight.requests <= most) return false;
    refusals.refused('limits.requestsInFlight', undefined);
    return true;
  };
}

/** How much may come in a time. */
function keepRateLimits(
  { rateRules, isTrustedProxy }: Plan,
  needs: GenerationNeeds,
  counts: CountDesk | undefined,
): RateLimits {
  const { keep, clock } = needs;
  const refusals = keepRefusals(needs);
  return openRateLimits(rateRules, { keep, clock, refusals, counts, isTrusted: isTrustedProxy });
}

/** Says with it who has no address of their own to be counted by. */
function tellingExempt(inForce: () => void, { trustedProxies, listen }: Plan['config'], emit: Emit) {
  const isUnix = listen.some(({ address }) => 'path' in address);
  const who = [
    ...(trustedProxies.length > 0
      ? ['the trusted proxies themselves', 'clients whose address a trusted proxy does not name']
      : []),
    ...(isUnix && !trustedProxies.some(({ network }) => network === 'unix')
      ? ['whoever comes by the Unix socket, since `unix` is not in trustedProxies']
      : []),
  ];
  return (): void => {
    inForce();
    if (who.length > 0) emit({ kind: 'clients-exempt', who });
  };
}

/** Whoever has a session waits until the sign-outs are known; what goes out later passes. */
function missingOf({ wasReady, trouble }: StoreStanding): string[] {
  if (wasReady) return [];
  return [trouble === undefined ? 'the sign-outs were not loaded yet' : `the store: ${trouble.detail}`];
}

function troublesOf(
  { trouble }: StoreStanding,
  providers: Pick<Providers, 'troubles'>,
  { bearer }: Pick<Identity, 'bearer'>,
): Degraded[] {
  return [
    ...(trouble === undefined ? [] : [trouble]),
    ...providers.troubles(),
    ...(bearer?.troubles() ?? []),
  ];
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
