import { type Clock, promiseOf, within } from '../clock.ts';
import { createLiveConnections } from '../forward/live-connections.ts';
import { createHoldings } from '../holdings.ts';
import { graceMs } from '../listen/shutdown.ts';
import type { Emit } from '../observe/events.ts';
import type { Plan } from '../plan/plan.ts';
import type { Random } from '../random.ts';
import { rememberEntries } from '../request/transports/entry.ts';
import type { PrimaryCalls } from '../session/shared/primary-calls.ts';
import { watchConnections } from './connections.ts';
import { type Generation, openGeneration } from './generation.ts';
import { createGenerations } from './generations.ts';
import { openListeners } from './listeners.ts';

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
  /**
   * The same in two steps, so that several processes can go on together: opens what the plan needs, and puts it in force
   * or gives it back. One at a time: the next one waits for what becomes of this one.
   */
  prepare(plan: Plan): Promise<PreparedPlan>;
  /** Where it listens; nowhere before the first plan. */
  listening(): readonly { url: string; name: string }[];
  /** What is missing before requests can be served, in sentences. */
  missing(): string[];
  /** Stops accepting, lets requests and sockets end within a limit, then closes everything. */
  close(): Promise<void>;
}

/** A plan that is opened and not in force. One of the two has to be called, once. */
export interface PreparedPlan {
  /** It cannot fail. Where the gateway stops meanwhile it does nothing. */
  commit(): void;
  abort(): Promise<void>;
}

export interface EstateNeeds {
  emit: Emit;
  clock: Clock;
  random: Random;
  /** The line of a worker to its primary process. */
  primary: PrimaryCalls | undefined;
}

/** A plan whose providers take longer than this to be found is put in force all the same; one without its store is not. */
const longestPreparationMs = 10_000;
/** What refreshes under way get at the end at least, for their answer and to write it down. */
const shortestLastMs = 1000;
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
  const turn = createTurn();
  let opening: Promise<unknown> = Promise.resolve();

  const open = async (plan: Plan) => {
    stop.refuse();
    const lease = holdings.lease();
    const needs = { keep: lease.keep, defer: lease.defer, emit, clock, random, primary, live, watch };
    const next = generations.open(lease, () => openGeneration(plan, needs));
    try {
      // Those of the first one are found while it serves what needs neither.
      if (generations.all().length > 1)
        await Promise.race([untilFound(next, generations.current(), clock), stop.begun]);
      stop.refuse();
      const listen = await listeners.prepare(plan.listeners, lease.keep);
      stop.refuse();
      return { next, listen };
    } catch (error) {
      await within(clock, longestReleaseMs, generations.end(next));
      throw error;
    }
  };
  const prepare = async (plan: Plan): Promise<PreparedPlan> => {
    const leave = await turn.take();
    const opened = open(plan);
    opening = opened.catch(leave);
    const { next, listen } = await opened;
    return {
      commit() {
        leave();
        if (stop.hasBegun()) return;
        watch.apply({ ...plan.config.limits, idle: plan.config.websocket.idle });
        listen();
        generations.putInForce(next);
      },
      async abort() {
        leave();
        await within(clock, longestReleaseMs, generations.end(next));
      },
    };
  };
  const finish = async () => {
    const end = clock.monotonic() + graceMs;
    await listeners.close();
    live.close();
    watch.close();
    const left = Math.max(shortestLastMs, end - clock.monotonic());
    await Promise.all(generations.all().map((generation) => generation.finish(left)));
    const ending = Promise.all(generations.all().map(generations.end));
    await within(clock, longestReleaseMs, ending);
  };

  return {
    async adopt(plan) {
      (await prepare(plan)).commit();
    },
    prepare,
    listening: listeners.listening,
    missing: () => [...stop.problems(), ...generations.missing()],
    async close() {
      stop.begin();
      await Promise.all([finish(), opening]);
    },
  };
}

/** Lets one after another. */
function createTurn() {
  let last: Promise<void> = Promise.resolve();
  return {
    /** Resolves when everybody before has left; gives what has to be called to leave. */
    async take(): Promise<() => void> {
      const before = last;
      const { promise, resolve } = promiseOf();
      last = promise;
      await before;
      return resolve;
    },
  };
}

const stopping = 'the gateway is stopping';

/** That everything ends, once it does. */
function createStop() {
  let isStopping = false;
  const { promise: begun, resolve } = promiseOf();
  return {
    begun,
    begin() {
      isStopping = true;
      resolve();
    },
    hasBegun: () => isStopping,
    problems: () => (isStopping ? [stopping] : []),
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
async function untilFound(next: Generation, before: Generation, clock: Clock): Promise<void> {
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
