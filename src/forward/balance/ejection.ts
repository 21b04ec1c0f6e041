import type { Clock } from '../../clock.ts';
import type { UpstreamConfig } from '../../config/schema/index.ts';
import type { Member } from './member.ts';
import { isLeftOut } from './standing.ts';
import { compileStatuses } from './statuses.ts';

/** Those that fail again and again are left out for twice as long each time, up to this; or for `for`, if that is more. */
const longestMs = 60_000;

export interface EjectionNeeds {
  clock: Pick<Clock, 'monotonic'>;
  /** Called when a target is left out that was not before. */
  onOut(member: Member, reason: string): void;
  /** Called when one of these serves again. */
  onBack(member: Member): void;
}

/** Leaves out, for a while, what cannot be reached or fails. */
export interface Ejection {
  /** No connection was made: nothing was sent. */
  unreachable(member: Member, error: Error): void;
  /** It broke off, or was late, before its answer had begun. */
  failed(member: Member, error: Error): void;
  /** Its answer has begun. */
  answered(member: Member, status: number): void;
}

/**
 * @param members those that share the requests. What fails is left out up to a share of them, and never the last one: the
 * cause may be the requests, or that there are too many. What cannot be reached takes none of them, so it does not count.
 */
export function openEjection(
  members: readonly Member[],
  { failures: most, statuses, for: forMs, max }: UpstreamConfig['eject'],
  { clock, onOut, onBack }: EjectionNeeds,
): Ejection {
  const isBad = compileStatuses(statuses);
  const mostOut = Math.min(members.length - 1, Math.ceil(members.length * max));
  const now = () => clock.monotonic();

  const leaveOut = (member: Member, durationMs: number, reason: string) => {
    const { standing } = member;
    standing.outAt = now();
    standing.outUntil = standing.outAt + durationMs;
    if (standing.isTold) return;
    standing.isTold = true;
    onOut(member, reason);
  };

  const fail = (member: Member, reason: string) => {
    const { standing } = member;
    if (isLeftOut(standing, now)) return;
    standing.failures += 1;
    const others = members.filter((each) => isLeftOut(each.standing, now) && !each.standing.isUnreachable);
    if (standing.failures < most || others.length >= mostOut) return;
    const lastMs = durationOf(standing.ejections);
    const isAgain = now() - standing.outUntil < lastMs;
    standing.ejections = isAgain ? standing.ejections + 1 : 1;
    standing.isUnreachable = false;
    leaveOut(member, durationOf(standing.ejections), reason);
  };
  const durationOf = (ejections: number) =>
    Math.min(forMs * 2 ** Math.max(0, ejections - 1), Math.max(forMs, longestMs));

  return {
    unreachable(member, error) {
      const { standing } = member;
      standing.failures = Math.max(1, standing.failures);
      standing.isUnreachable = true;
      leaveOut(member, forMs, error.message);
    },
    failed: (member, error) => fail(member, error.message),
    answered(member, status) {
      const { standing } = member;
      if (isBad.has(status)) fail(member, `it answered ${status}`);
      // What it had begun before it was left out says nothing of it; that it can be reached does.
      else if (standing.failures > 0 && (standing.isUnreachable || !isLeftOut(standing, now))) {
        standing.failures = 0;
        if (!standing.isTold) return;
        standing.isTold = false;
        onBack(member);
      }
    },
  };
}
