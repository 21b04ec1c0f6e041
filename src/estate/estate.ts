import { type Clock, promiseOf, waitFor, within } from '../clock.ts';
import { createLiveConnections, type Ending, type LiveConnections } from '../forward/live-connections.ts';
import { createHoldings } from '../holdings.ts';
import { countDown } from '../listen/shutdown.ts';
import type { SilenceWatch } from '../listen/silence.ts';
import type { Emit } from '../observe/events.ts';
import type { Plan } from '../plan/plan.ts';
import type { Random } from '../random.ts';
import { rememberEntries } from '../request/transports/entry.ts';
import type { PrimaryCalls } from '../session/shared/primary-calls.ts';
import { watchConnections } from './connections.ts';
import { type Generation, openGeneration } from './generation.ts';
import { createGenerations, type Generations } from './generations.ts';
import { type Listeners, openListeners } from './listeners.ts';

/**
 * What outlives a plan: connections, pools, sessions, sign-outs, caches, and what is known of providers and targets.
 * Each is found by what it is, counted by the plans that need it, and closed when none does any more.
 */
export interface Estate {
  /**
   * Puts a plan in force. What it still needs of the one before stays as it is; what it does not need is closed when
   * the last request that the old one decides has ended. Rejects, with nothing changed, when something that the plan
   * names cannot be opened.
   */
  adopt(plan: Plan): Promise<void>;
  /** Where it listens; undefined before the first plan. */
  listening(): { url: string; name: string } | undefined;
  /** What is missing before requests can be served, in sentences. */
  missing(): string[];
  /**
   * Has others take over: it is not ready any more, and every answer ends its connection. Requests are still taken,
   * and what is open stays so.
   */
  drain(): void;
  /** Drains, goes on for `shutdown.delay`, stops accepting, lets requests end until `shutdown.timeout`, then closes. */
  close(why?: Closing): Promise<void>;
}

/**
 * Why it closes: everything ends; another process takes its place at the same address, so that nobody sees an end; or
 * it was told to end before anybody can have found it ready.
 */
export type Closing = 'stopped' | 'replaced' | 'not started';

export interface EstateNeeds {
  emit: Emit;
  clock: Clock;
  random: Random;
  /** The line of a worker to its primary process. */
  primary: PrimaryCalls | undefined;
}

/** A plan whose providers take longer than this to be found is put in force all the same; one without its store is not. */
const longestPreparationMs = 10_000;
/** What closing gets where somebody waits for it: calls to a provider may hang. */
const longestReleaseMs = 1000;

export function openEstate({ emit, clock, random, primary }: EstateNeeds): Estate {
  const holdings = createHoldings();
  const live = createLiveConnections(clock);
  const generations = createGenerations(emit);
  const entryOf = rememberEntries(() => generations.current().pipeline);
  const watch = watchConnections({ emit, clock, entryOf });
  const listeners = openListeners({ emit, clock, watch, entryOf });
  const stop = createStop();
  let adopting: Promise<unknown> = Promise.resolve();

  const adopt = async (plan: Plan) => {
    stop.refuse();
    const lease = holdings.lease();
    const needs = { keep: lease.keep, defer: lease.defer, emit, clock, random, primary, live, watch };
    const next = generations.open(lease, () => openGeneration(plan, needs));
    try {
      // Those of the first one are found while it serves what needs neither.
      if (generations.all().length > 1)
        await Promise.race([prepare(next, generations.current(), clock), stop.begun]);
      stop.refuse();
      await listeners.adopt(plan.listener, lease.keep);
      stop.refuse();
    } catch (error) {
      await within(clock, longestReleaseMs, generations.end(next));
      throw error;
    }
    watch.apply({ ...plan.config.limits, idle: plan.config.websocket.idle });
    generations.putInForce(next);
  };
  const drain = () => {
    if (stop.drain()) emit({ kind: 'draining' });
    listeners.drain();
  };

  return {
    adopt(plan) {
      const done = adopting.then(() => adopt(plan));
      adopting = done.catch(() => {});
      return done;
    },
    listening: listeners.listening,
    missing: () => [...stop.problems(), ...generations.missing()],
    drain,
    async close(why = 'stopped') {
      stop.begin();
      await Promise.all([finish({ listeners, generations, live, watch, clock }, why), adopting]);
    },
  };
}

interface Parts {
  listeners: Listeners;
  generations: Generations;
  live: LiveConnections;
  watch: Pick<SilenceWatch, 'close'>;
  clock: Clock;
}

/** The steps of an end, of which each leaves time for the next. */
async function finish({ listeners, generations, live, watch, clock }: Parts, why: Closing): Promise<void> {
  const hasServed = listeners.listening() !== undefined && generations.all().length > 0;
  const shutdown = hasServed ? generations.current().shutdown : nothingServed;
  const left = countDown(shutdown.timeout, clock);
  listeners.drain();
  const delay = delayOf(why, shutdown);
  if (delay > 0) await waitFor(clock, delay);
  const closing = listeners.close(left.forConnections);
  live.endAll(why === 'replaced' ? restarting : goingAway);
  await closing;
  live.close();
  watch.close();
  await Promise.all(generations.all().map((generation) => generation.finish(left.forRefreshes())));
  const ending = Promise.all(generations.all().map(generations.end));
  await within(clock, Math.min(longestReleaseMs, left.forClosing()), ending);
}

const stopping = 'the gateway is stopping';
const draining = 'the gateway is draining';

/** RFC 6455 §7.4.1, and the registry of close codes for 1012. */
const goingAway: Ending = { code: 1001, reason: stopping, mayFinish: true };
const restarting: Ending = { code: 1012, reason: 'the gateway restarts', mayFinish: true };
/**
 * What a replaced worker goes on for at least: a client that uses its connection learns by an answer that it ends, and
 * one that does not is unlikely to send its next request just then.
 */
const leastReplacedMs = 2000;

function delayOf(why: Closing, { delay, timeout }: Plan['config']['shutdown']): number {
  if (why === 'not started') return 0;
  return why === 'replaced' ? Math.max(delay, Math.min(leastReplacedMs, timeout / 2)) : delay;
}

/** Before the first plan there is nobody to wait for. */
const nothingServed = { delay: 0, timeout: longestReleaseMs };

/** That everything ends, once it does, or is to be done by others. */
function createStop() {
  let isStopping = false;
  let isDraining = false;
  const { promise: begun, resolve } = promiseOf();
  return {
    begun,
    begin() {
      isStopping = true;
      resolve();
    },
    /** Whether that is new. */
    drain() {
      const isNew = !isDraining && !isStopping;
      isDraining = true;
      return isNew;
    },
    problems: () => (isStopping ? [stopping] : isDraining ? [draining] : []),
    /** Throws when it has begun. */
    refuse() {
      if (isStopping) throw new Error(stopping);
    },
  };
}

/**
 * Waits for what a plan has to find, so that nobody has to once it is in force. Rejects for a store that cannot be
 * reached, where that of the plan before can.
 */
async function prepare(next: Generation, before: Generation, clock: Clock): Promise<void> {
  const [isReached] = await Promise.all([
    within(
      clock,
      longestPreparationMs,
      next.ready.then(() => true),
    ),
    within(clock, longestPreparationMs, next.prepared),
  ]);
  if (!isReached && before.storeProblem() === undefined)
    throw new Error('the store of sessions cannot be reached');
}
