import { type Clock, promiseOf, within } from '../clock.ts';
import type { LiveConnections } from '../forward/live-connections.ts';
import type { Holdings } from '../holdings.ts';
import { foundSoonMs } from '../identity/provider/providers.ts';
import type { Crowd } from '../limits/crowd.ts';
import type { SilenceWatch } from '../listen/silence.ts';
import type { Emit } from '../observe/events.ts';
import type { Traces } from '../observe/trace.ts';
import type { Plan } from '../plan/plan.ts';
import type { Random } from '../random.ts';
import type { PrimaryCalls } from '../session/shared/primary-calls.ts';
import { type Generation, openGeneration } from './generation.ts';
import type { Generations } from './generations.ts';
import type { Listeners } from './listeners.ts';
import { longestReleaseMs, type Stop } from './stop.ts';

/** A plan that is opened and not in force. One of the two has to be called, once. */
export interface PreparedPlan {
  /**
   * From now on it decides. It cannot fail. Where the gateway stops meanwhile it does nothing. Resolves when it listens
   * everywhere, also where another listener had to leave first.
   */
  commit(): Promise<void>;
  abort(): Promise<void>;
}

export interface AdoptionNeeds {
  holdings: Holdings;
  generations: Generations;
  listeners: Listeners;
  watch: SilenceWatch;
  crowd: Crowd;
  live: LiveConnections;
  stop: Stop;
  emit: Emit;
  clock: Clock;
  random: Random;
  primary: PrimaryCalls | undefined;
  traces: Traces;
  /** Whether requests should be sent here. */
  isReady(): boolean;
}

/** How plans come into force. */
export interface Adoption {
  prepare(plan: Plan): Promise<PreparedPlan>;
  /** Resolves when no plan is being opened; one that is opened and waits for its end does not count. */
  opened(): Promise<unknown>;
}

/** A plan whose store takes longer than this is not put in force. */
const longestPreparationMs = 10_000;

export function createAdoption(needs: AdoptionNeeds): Adoption {
  const { holdings, generations, listeners, watch, crowd, live, stop, isReady } = needs;
  const { emit, clock, random, primary, traces } = needs;
  const turn = createTurn();
  let opening: Promise<unknown> = Promise.resolve();

  const open = async (plan: Plan) => {
    stop.refuse();
    const lease = holdings.lease();
    const needs = {
      keep: lease.keep,
      defer: lease.defer,
      emit,
      clock,
      random,
      primary,
      traces,
      isReady,
      live,
      watch,
      crowd,
    };
    const next = generations.open(lease, () => openGeneration(plan, needs));
    try {
      // Those of the first one are found while it serves what needs neither.
      if (generations.all().length > 1)
        await Promise.race([untilFound(next, generations.current(), clock), stop.begun]);
      stop.refuse();
      const listening = await listeners.prepare(plan.listeners, lease.keep);
      stop.refuse();
      return { next, listening };
    } catch (error) {
      await within(clock, longestReleaseMs, generations.end(next));
      throw error;
    }
  };
  const prepare = async (plan: Plan): Promise<PreparedPlan> => {
    const leave = await turn.take();
    const opened = open(plan);
    opening = opened.catch(leave);
    const { next, listening } = await opened;
    return {
      commit() {
        leave();
        if (stop.hasBegun()) return Promise.resolve();
        watch.apply({ ...plan.config.limits, idle: plan.config.websocket.idle });
        const listens = listening.commit();
        generations.putInForce(next);
        return listens;
      },
      async abort() {
        leave();
        listening.abort();
        await within(clock, longestReleaseMs, generations.end(next));
      },
    };
  };
  return { prepare, opened: () => opening };
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
    within(clock, foundSoonMs, next.prepared),
  ]);
  if (!isReached && before.storeProblem() === undefined)
    throw new Error('the store of sessions cannot be reached');
}
