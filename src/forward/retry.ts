import type { Clock, Timer } from '../clock.ts';
import type { UpstreamConfig } from '../config/schema/index.ts';
import type { Random } from '../random.ts';
import type { RetryBudget } from './balance/retry-budget.ts';
import { compileStatuses } from './balance/statuses.ts';

/** The pauses before a target that cannot be reached is tried again: each twice as long as the one before, up to the last. */
const firstPauseMs = 100;
const lastPauseMs = 1000;

/** Waits until somebody can be reached. */
export interface Wait {
  /** Calls back after a pause; false when all the time has passed, and nothing more comes. */
  again(callback: () => void): boolean;
  /** Nobody waits any more. */
  cancel(): void;
}

/** When the requests of a route are sent once more. Whether one may be, `repeats.ts` says. */
export interface RetryPolicy {
  /** How often a request that was sent may be sent again. */
  attempts: number;
  /** What was not sent, since no connection could be made, goes elsewhere. */
  onConnect: boolean;
  onClosed: boolean;
  onTimeout: boolean;
  statuses: ReadonlySet<number>;
  /** A request is sent for the first time; undefined where nothing has to be counted. */
  count: (() => void) | undefined;
  /** Whether the budget has one left for what may double an overload; it is taken then. */
  take(): boolean;
  /** Begins to wait for a target that restarts; undefined where nobody waits, or too many do. */
  wait(): Wait | undefined;
}

export interface RetryNeeds {
  budget: RetryBudget;
  clock: Clock;
  random: Random;
}

export function compileRetry(
  { attempts, on, for: forMs }: UpstreamConfig['retry'],
  { budget, clock, random }: RetryNeeds,
): RetryPolicy {
  const statuses = compileStatuses(on.filter((item) => /^\d/.test(item)));
  const onTimeout = on.includes('timeout');
  // Beyond the one that a stale connection asks for, which the standard case has.
  const isBudgeted = attempts > 1 || onTimeout || statuses.size > 0;
  return {
    attempts,
    onConnect: on.includes('connect'),
    onClosed: on.includes('closed'),
    onTimeout,
    statuses,
    count: isBudgeted ? budget.count : undefined,
    take: budget.take,
    wait: () => (forMs > 0 && budget.enter() ? openWait(forMs, { budget, clock, random }) : undefined),
  };
}

function openWait(forMs: number, { budget, clock, random }: RetryNeeds): Wait {
  const end = clock.monotonic() + forMs;
  let pauseMs = firstPauseMs;
  let timer: Timer | undefined;
  let isOver = false;
  const cancel = () => {
    timer?.cancel();
    if (!isOver) budget.leave();
    isOver = true;
  };
  return {
    again(callback) {
      const leftMs = end - clock.monotonic();
      if (isOver || leftMs <= 0) {
        cancel();
        return false;
      }
      // Those that wait do not all come back at once.
      timer = clock.after(Math.min(leftMs, pauseMs * (0.5 + random() / 2)), callback);
      pauseMs = Math.min(lastPauseMs, pauseMs * 2);
      return true;
    },
    cancel,
  };
}
