import type { Clock } from '../clock.ts';
import type { TurnLimits } from '../forward/target-turns.ts';
import type { Keep } from '../holdings.ts';
import type { Crowd } from '../limits/crowd.ts';
import { createLimitReports, type LimitReports } from '../limits/limit-reports.ts';
import { openRateLimits, type RateLimits } from '../limits/rate-limits.ts';
import type { Emit } from '../observe/events.ts';
import type { Plan } from '../plan/plan.ts';
import type { CountDesk } from '../session/shared/shared.ts';
import { countRequests, type InFlight } from './requests.ts';

/** What limits are opened with; what they have counted outlives plans. */
interface LimitNeeds {
  keep: Keep;
  clock: Clock;
  emit: Emit;
  crowd: Crowd;
}

function keepReports({ keep, clock, emit }: LimitNeeds): LimitReports {
  return keep('limit reports', 'requests', () =>
    createLimitReports(
      (limit, client, refused) => emit({ kind: 'requests-limited', limit, client, refused }),
      clock,
    ),
  );
}

/** How many requests each target has at once. */
export function turnsAtTargets(
  { upstreamConnections: most, queue }: Plan['config']['limits'],
  needs: LimitNeeds,
): TurnLimits | undefined {
  if (most === undefined) return undefined;
  const { crowd } = needs;
  const reports = keepReports(needs);
  const refused = () => {
    crowd.refused();
    reports.refused('limits.upstreamConnections', undefined);
  };
  return { most, queue, crowd, refused };
}

/** Counts the requests of a plan, and those of all plans, which may be too many. */
export function limitRequests(limits: Plan['config']['limits'], needs: LimitNeeds) {
  const inFlight = needs.keep('requests in flight', 'this process', () => ({ requests: 0 }));
  return { requests: countRequests(inFlight), isOverloaded: createOverload(limits, inFlight, needs) };
}

function createOverload(
  { requestsInFlight: most }: Plan['config']['limits'],
  inFlight: InFlight,
  needs: LimitNeeds,
): () => boolean {
  if (most === undefined) return () => false;
  const reports = keepReports(needs);
  return () => {
    if (inFlight.requests <= most) return false;
    needs.crowd.refused();
    reports.refused('limits.requestsInFlight', undefined);
    return true;
  };
}

/** How much may come in a time. */
export function keepRateLimits(
  { rateRules, isTrustedProxy }: Plan,
  needs: LimitNeeds,
  counts: CountDesk | undefined,
): RateLimits {
  const { keep, clock } = needs;
  const reports = keepReports(needs);
  return openRateLimits(rateRules, { keep, clock, refusals: reports, counts, isTrusted: isTrustedProxy });
}
