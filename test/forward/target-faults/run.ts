import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../../support/until.ts';
import type { Fault } from './faults.ts';
import { type Asked, type Load, startLoad } from './load.ts';
import { startPlaces } from './places.ts';
import { type Gateway, startProxy } from './proxies.ts';

export interface TrialPlan {
  fault: Fault;
  proxies: readonly Gateway[];
  /** Requests a second to each proxy. */
  perSecond: number;
  /** How long after the fault requests are sent. */
  forMs: number;
  /** What has no answer by then has failed. */
  longestMs: number;
  /** How long after the fault requests may fail (1000). */
  settleMs?: number;
}

export interface TrialResult {
  proxy: Gateway;
  /** The requests that began in the second behind the fault. */
  first: readonly Asked[];
  after: readonly Asked[];
  /** What the proxy has written. */
  log: string;
}

/** Has one thing happen to one of two targets, while requests go to them through each of the proxies. */
export async function runTrial(plan: TrialPlan): Promise<TrialResult[]> {
  const { fault, perSecond, longestMs, forMs, settleMs = 1000 } = plan;
  const ends: (() => unknown)[] = [];
  const t = { teardown: (end: () => unknown) => void ends.unshift(end) };
  try {
    const places = await startPlaces(t);
    const running: { proxy: Gateway; url: string; log(): string }[] = [];
    for (const proxy of plan.proxies)
      running.push({ proxy, ...(await startProxy(t, proxy, { places, fault })) });
    const loads = running.map((each) => ({ ...each, load: startLoad(each.url, perSecond, longestMs) }));
    for (const { load } of loads) t.teardown(load.stop);
    await Promise.all(loads.map(({ load, proxy, log }) => untilServed(load, proxy, log)));
    const at = performance.now();
    await fault.happen(places);
    await wait(forMs);
    for (const { load } of loads) await load.stop();
    // What went before the fault, and was still under way then, says nothing of it.
    return loads.map(({ proxy, load, log }) => {
      const since = load.asked
        .filter(({ startedAt }) => startedAt >= at)
        .map((each) => (each.answer === fault.wrong ? { ...each, isGood: false } : each));
      return {
        proxy,
        first: since.filter(({ startedAt }) => startedAt < at + settleMs),
        after: since.filter(({ startedAt }) => startedAt >= at + settleMs),
        log: log(),
      };
    });
  } finally {
    for (const end of ends) await end();
  }
}

/** Both targets have to answer, for a while and well. */
async function untilServed(load: Load, { name }: Gateway, log: () => string): Promise<void> {
  const isServed = () => {
    const lately = load.asked.slice(-20);
    const answers = new Set(lately.map(({ answer }) => answer));
    return lately.length === 20 && lately.every(({ isGood }) => isGood) && answers.size === 2;
  };
  await until(`${name} to serve`, isServed).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(load.asked.slice(-3))}\n${log().slice(-2000)}`);
  });
}
