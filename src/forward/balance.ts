import type { UpstreamConfig } from '../config/schema/index.ts';
import type { Random } from '../random.ts';
import { type Ejection, type EjectionNeeds, openEjection } from './balance/ejection.ts';
import { balanceKinds } from './balance/kinds.ts';
import { isOut, type Member } from './balance/member.ts';
import type { Target } from './targets.ts';

/** The targets of one route, which share its requests; those that are left out for a while come last. */
export interface Targets extends Ejection {
  size: number;
  /**
   * @param tried those that could not be reached for this request
   * @param tie the name of the target that the browser is tied to, which takes it if it can, whatever its weight
   */
  pick(tried: readonly Member[], tie?: string): Member;
  /** The answer of this target is one that has to be repaired, as those that follow will be. */
  isOdd(member: Member, error: Error): void;
  /** Whether each takes requests, as far as is known. */
  standing(): { target: string; isUp: boolean }[];
}

export interface BalanceNeeds extends EjectionNeeds {
  random: Random;
  /** Called once for a target whose answers have to be repaired. */
  onOdd(target: Target, error: Error): void;
}

/** How long a single target counts as down after a connection that it refused, for those who ask how it stands. */
const downMs = 10_000;

/** With one target there is nothing to leave out; how it stands is known all the same. */
function watchSingle(now: () => number) {
  let refusedAt = Number.NEGATIVE_INFINITY;
  const ejection: Ejection = {
    unreachable() {
      refusedAt = now();
    },
    failed() {},
    answered() {
      refusedAt = Number.NEGATIVE_INFINITY;
    },
  };
  return { ejection, isUp: () => now() - refusedAt > downMs };
}

export function balance(
  members: readonly Member[],
  { balance: kind, eject }: Pick<UpstreamConfig, 'balance' | 'eject'>,
  needs: BalanceNeeds,
): Targets {
  const { clock, random, onOdd } = needs;
  const choose = balanceKinds[kind](members, random);
  const [first] = members as [Member];
  const now = () => clock.monotonic();
  const single = watchSingle(now);
  const isFit = ({ weight }: Member) => weight > 0;
  const sharing = members.filter(isFit);
  return {
    ...(members.length === 1 ? single.ejection : openEjection(sharing, eject, needs)),
    size: sharing.length,
    pick(tried, tie) {
      if (members.length === 1) return first;
      const tied = tie === undefined ? undefined : members.find(({ target }) => target.name === tie);
      if (tied && !tried.includes(tied) && !isOut(tied, now)) return tied;
      const isLeft = (member: Member) => isFit(member) && !tried.includes(member);
      const found = choose((member) => isLeft(member) && !isOut(member, now));
      return found ?? choose(isLeft) ?? choose(isFit) ?? first;
    },
    standing: () =>
      members.map((member) => ({
        target: member.target.name,
        isUp: members.length === 1 ? single.isUp() : !isOut(member, now),
      })),
    isOdd({ target }, error) {
      if (!target.isOdd) onOdd(target, error);
      target.isOdd = true;
    },
  };
}
