import { type Clock, within } from '../clock.ts';
import { createLiveConnections } from '../forward/live-connections.ts';
import { createHoldings } from '../holdings.ts';
import { graceMs } from '../listen/shutdown.ts';
import type { Emit } from '../observe/events.ts';
import type { Plan } from '../plan/plan.ts';
import type { Random } from '../random.ts';
import { rememberEntries } from '../request/transports/entry.ts';
import type { PrimaryCalls } from '../session/shared/primary-calls.ts';
import { createAdoption, type PreparedPlan } from './adoption.ts';
import { watchConnections } from './connections.ts';
import { createGenerations } from './generations.ts';
import { openListeners } from './listeners.ts';
import { createStop } from './stop.ts';

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

export interface EstateNeeds {
  emit: Emit;
  clock: Clock;
  random: Random;
  /** The line of a worker to its primary process. */
  primary: PrimaryCalls | undefined;
}

/** What refreshes under way get at the end at least, for their answer and to write it down. */
const shortestLastMs = 1000;
/** What closing gets where somebody waits for it: calls to a provider may hang. */
const longestReleaseMs = 1000;

export function openEstate(needs: EstateNeeds): Estate {
  const { emit, clock } = needs;
  const holdings = createHoldings();
  const live = createLiveConnections(clock);
  const generations = createGenerations(emit);
  const entryOf = rememberEntries(() => generations.current().pipeline);
  const watch = watchConnections({ emit, clock, entryOf });
  const listeners = openListeners({ emit, clock, watch, entryOf });
  const stop = createStop();

  const { prepare, opened } = createAdoption({
    holdings,
    generations,
    listeners,
    watch,
    live,
    stop,
    ...needs,
  });
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
      await Promise.all([finish(), opened()]);
    },
  };
}
