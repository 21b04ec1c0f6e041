import type { Clock, Timer } from '../../clock.ts';
import type { UpstreamConfig } from '../../config/schema/index.ts';
import type { Random } from '../../random.ts';
import type { Target } from '../targets.ts';
import { isOddAnswer } from '../upstream-error.ts';
import { compileStatuses } from './statuses.ts';

type HealthConfig = NonNullable<UpstreamConfig['health']>;

/** What checks say of a target, which ask it themselves again and again. */
export interface Health {
  /** One that was not asked yet counts as healthy. */
  isHealthy: boolean;
  /** When it was asked last, and all was well, by a monotonic clock. */
  provenAt: number;
}

export interface HealthCheck {
  health: Health;
  /** Asks no more. */
  close(): void;
}

export interface HealthNeeds {
  clock: Clock;
  random: Random;
  onOut(target: Target, reason: string): void;
  onBack(target: Target): void;
}

/** The first question comes within this time, so that what is out at the start is known soon. */
const firstWithinMs = 1000;

/**
 * Asks a target whether it is well, on connections of its own kind, with the same TLS.
 * @param host the Host to ask for, if not the target's own
 */
export function openHealthCheck(
  target: Target,
  { path, interval, timeout, healthy, unhealthy, expect }: HealthConfig,
  host: string | undefined,
  { clock, random, onOut, onBack }: HealthNeeds,
): HealthCheck {
  const isExpected = compileStatuses(expect);
  const health: Health = { isHealthy: true, provenAt: Number.NEGATIVE_INFINITY };
  let inARow = 0;
  let timer: Timer | undefined;
  let asking: AbortController | undefined;
  let isClosed = false;

  const take = (problem: string | undefined) => {
    const isWell = problem === undefined;
    if (isWell) health.provenAt = clock.monotonic();
    inARow = isWell === health.isHealthy ? 0 : inARow + 1;
    if (inARow < (isWell ? healthy : unhealthy)) return;
    if (isWell === health.isHealthy) return;
    inARow = 0;
    health.isHealthy = isWell;
    if (isWell) onBack(target);
    else onOut(target, `its check failed: ${problem}`);
  };

  const ask = async () => {
    const controller = new AbortController();
    asking = controller;
    const late = () => controller.abort(new Error(`no answer within ${timeout} ms`));
    const limit = clock.after(timeout, late).unref();
    let problem: string | undefined;
    try {
      const status = await statusOf(target, { path, host, signal: controller.signal });
      if (!isExpected.has(status)) problem = `it answered ${status}`;
    } catch (error) {
      problem = (error as Error).message;
      // The next one is repaired.
      if (isOddAnswer(error as Error, false)) target.isOdd = true;
    }
    limit.cancel();
    if (isClosed) return;
    take(problem);
    // Processes that were started together do not ask together for ever.
    askAfter(interval * (0.9 + random() / 5));
  };
  const askAfter = (milliseconds: number) => {
    timer = clock.after(milliseconds, () => void ask()).unref();
  };

  askAfter(random() * Math.min(interval, firstWithinMs));
  return {
    health,
    close() {
      isClosed = true;
      timer?.cancel();
      asking?.abort(new Error('nobody asks any more'));
    },
  };
}

async function statusOf(
  { single, origin }: Target,
  { path, host, signal }: { path: string; host: string | undefined; signal: AbortSignal },
): Promise<number> {
  const headers = { ...(host !== undefined && { host }), accept: '*/*', 'user-agent': 'sallyport' };
  const { statusCode, body } = await single.request({ origin, path, method: 'GET', headers, signal });
  // Its end is waited for by nobody: what was asked is known.
  body.dump().catch(() => {});
  return statusCode;
}
