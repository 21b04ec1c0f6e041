import type { Clock } from '../clock.ts';
import { createLiveConnections } from '../forward/live-connections.ts';
import { createHoldings, type Lease } from '../holdings.ts';
import { describeError, type Logger } from '../observe/log.ts';
import type { Plan } from '../plan/plan.ts';
import type { Random } from '../random.ts';
import { rememberEntries } from '../request/transports/entry.ts';
import type { PrimaryCalls } from '../session/shared/primary-calls.ts';
import { watchConnections } from './connections.ts';
import { type Generation, openGeneration } from './generation.ts';
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
  /** Where it listens; undefined before the first plan. */
  listening(): { url: string; name: string } | undefined;
  /** What is missing before requests can be served, in sentences. */
  missing(): string[];
  /** How many things of a kind are open. */
  count(kind: string): number;
  /** Stops accepting, lets requests and sockets end within a limit, then closes everything. */
  close(): Promise<void>;
}

export interface EstateNeeds {
  log: Logger;
  clock: Clock;
  random: Random;
  /** The line of a worker to its primary process. */
  primary: PrimaryCalls | undefined;
}

export function openEstate({ log, clock, random, primary }: EstateNeeds): Estate {
  const holdings = createHoldings();
  const live = createLiveConnections(clock);
  /** Old plans with requests under way, and the one in force. */
  const generations = new Map<Generation, Lease>();
  let current: Generation | undefined;
  let isStopping = false;
  let adopting: Promise<unknown> = Promise.resolve();

  const inForce = () => {
    if (!current) throw new Error('no plan was adopted yet');
    return current;
  };
  const entryOf = rememberEntries(() => inForce().pipeline);
  const watch = watchConnections({ log, clock, entryOf });
  const listeners = openListeners({ log, clock, watch, entryOf });

  const open = (plan: Plan): [Generation, Lease] => {
    const lease = holdings.lease();
    try {
      const needs = { keep: lease.keep, log, clock, random, primary, live, watch };
      return [openGeneration(plan, needs), lease];
    } catch (error) {
      void release(lease);
      throw error;
    }
  };
  const release = (lease: Lease) =>
    lease
      .release()
      .catch((error: unknown) =>
        log.error({ reason: describeError(error) }, 'a part of the gateway did not close'),
      );
  const end = async (generation: Generation, lease: Lease) => {
    generations.delete(generation);
    generation.close();
    await release(lease);
  };

  const adopt = async (plan: Plan) => {
    const before = current;
    const [next, lease] = open(plan);
    generations.set(next, lease);
    try {
      // Requests may come before the call returns.
      current ??= next;
      await listeners.adopt(plan.listener, lease.keep);
    } catch (error) {
      current = before;
      await end(next, lease);
      throw error;
    }
    watch.apply({ ...plan.config.limits, idle: plan.config.websocket.idle });
    current = next;
    const old = before && generations.get(before);
    if (before && old) void before.requests.ended().then(() => end(before, old));
  };

  return {
    adopt(plan) {
      const done = adopting.then(() => adopt(plan));
      adopting = done.catch(() => {});
      return done;
    },
    listening: listeners.listening,
    missing: () => [...(isStopping ? ['the gateway is stopping'] : []), ...(current?.missing() ?? [])],
    count: holdings.count,
    async close() {
      isStopping = true;
      await adopting;
      await listeners.close();
      live.close();
      watch.close();
      for (const [generation, lease] of generations) await end(generation, lease);
    },
  };
}
