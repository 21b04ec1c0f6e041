import { type Clock, waitFor, within } from '../clock.ts';
import { createLiveConnections, type Ending, type LiveConnections } from '../forward/live-connections.ts';
import { createHoldings } from '../holdings.ts';
import { createCrowd } from '../limits/crowd.ts';
import { countDown } from '../listen/shutdown.ts';
import type { SilenceWatch } from '../listen/silence.ts';
import type { Emit } from '../observe/events.ts';
import type { Reading } from '../observe/metrics/meters.ts';
import { noTraces, type Traces } from '../observe/trace.ts';
import type { Plan } from '../plan/plan.ts';
import type { Random } from '../random.ts';
import { rememberEntries } from '../request/transports/entry.ts';
import type { People } from '../session/people.ts';
import type { PrimaryCalls } from '../session/shared/primary-calls.ts';
import { createAdoption, type PreparedPlan } from './adoption.ts';
import { watchConnections } from './connections.ts';
import { createGenerations, type Generations } from './generations.ts';
import { type Health, healthOf } from './health.ts';
import { type Listeners, openListeners } from './listeners.ts';
import { readingsOf } from './readings.ts';
import { createStop, longestReleaseMs, stopping } from './stop.ts';

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
  /** Whether requests should be sent here, and what does not work. */
  health(): Health;
  /** What is open and how the targets stand, as readings of metrics. */
  readings(): Reading[];
  /** The sessions of people, by the plan in force; undefined before the first one. */
  people(): People | undefined;
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
  /** Closed at the end, when the last request has ended. */
  traces?: (Traces & { close(): Promise<void> }) | undefined;
}

export function openEstate(needs: EstateNeeds): Estate {
  const { emit, clock, traces } = needs;
  const holdings = createHoldings();
  const live = createLiveConnections(clock);
  const generations = createGenerations(emit);
  const entryOf = rememberEntries(() => generations.current().pipeline);
  const crowd = createCrowd(clock);
  const watch = watchConnections({ emit, clock, entryOf, crowd });
  const listeners = openListeners({ emit, clock, watch, entryOf });
  const stop = createStop();
  const { health, isReady } = createStanding(stop, generations);

  const { prepare, opened } = createAdoption({
    holdings,
    generations,
    listeners,
    watch,
    crowd,
    live,
    stop,
    isReady,
    ...needs,
    traces: traces ?? noTraces,
  });
  const drain = () => {
    if (stop.drain()) emit({ kind: 'draining' });
    listeners.drain();
  };

  return {
    async adopt(plan) {
      await (await prepare(plan)).commit();
    },
    prepare,
    listening: listeners.listening,
    health,
    readings: () => readingsOf(generations, live),
    people: () => (generations.all().length > 0 ? generations.current().people : undefined),
    drain,
    async close(why = 'stopped') {
      stop.begin();
      await Promise.all([finish({ listeners, generations, live, watch, clock, traces }, why), opened()]);
    },
  };
}

interface Parts {
  listeners: Listeners;
  generations: Generations;
  live: LiveConnections;
  watch: Pick<SilenceWatch, 'close'>;
  clock: Clock;
  traces: EstateNeeds['traces'];
}

/** The steps of an end, of which each leaves time for the next. */
async function finish(parts: Parts, why: Closing): Promise<void> {
  const { listeners, generations, live, watch, clock, traces } = parts;
  const hasServed = listeners.listening().length > 0 && generations.all().length > 0;
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
  const ending = Promise.all([...generations.all().map(generations.end), traces?.close()]);
  await within(clock, Math.min(longestReleaseMs, left.forClosing()), ending);
}

/** How everything together stands. */
function createStanding(
  { problems }: Pick<ReturnType<typeof createStop>, 'problems'>,
  generations: Pick<Generations, 'missing' | 'health'>,
) {
  return {
    isReady: () => problems().length === 0 && generations.missing().length === 0,
    health() {
      const { missing, degraded } = generations.health();
      return healthOf([...problems(), ...missing], degraded);
    },
  };
}

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
