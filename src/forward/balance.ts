import type { UpstreamConfig } from '../config/schema/index.ts';
import type { Random } from '../random.ts';
import { type Ejection, type EjectionNeeds, openEjection } from './balance/ejection.ts';
import { balanceKinds } from './balance/kinds.ts';
import { isOut, isOutTwice, type Member } from './balance/member.ts';
import type { TargetTurns, TurnLimits } from './target-turns.ts';
import type { Target } from './targets.ts';

/** The targets of one route, which share its requests; those that are left out for a while come last. */
export interface Targets extends Ejection {
  size: number;
  /**
   * @param tried those that could not be reached for this request
   * @param tie the name of the target that the browser is tied to, which takes it if it can, whatever its weight
   */
  pick(tried: readonly Member[], tie?: string): Member;
  /** Where else a request may wait for a turn that waits where it was sent; nowhere for one that is tied. */
  elsewhere(tried: readonly Member[], tie?: string): readonly TargetTurns[];
  /** Whether who waits there should have a turn of it. */
  takes(turns: TargetTurns): boolean;
  /** The one whose turns these are. */
  memberOf(turns: TargetTurns): Member;
  /** The answer of this target is one that has to be repaired, as those that follow will be. */
  isOdd(member: Member, error: Error): void;
  /** Whether each takes requests, as far as is known. */
  standing(): { target: string; isUp: boolean }[];
}

export interface BalanceNeeds extends EjectionNeeds {
  random: Random;
  /** How many requests each has at once; undefined for any number. */
  turns?: TurnLimits | undefined;
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

const noTurns: readonly TargetTurns[] = [];

export function balance(
  members: readonly Member[],
  { balance: kind, eject }: Pick<UpstreamConfig, 'balance' | 'eject'>,
  needs: BalanceNeeds,
): Targets {
  const { clock, random, turns, onOdd } = needs;
  const choose = balanceKinds[kind](members, random);
  const [first] = members as [Member];
  const now = () => clock.monotonic();
  const single = watchSingle(now);
  const isFit = ({ weight }: Member) => weight > 0;
  const sharing = members.filter(isFit);
  const tiedTo = (tried: readonly Member[], tie: string | undefined) => {
    const tied = tie === undefined ? undefined : members.find(({ target }) => target.name === tie);
    return tied && !tried.includes(tied) && !isOut(tied, now) ? tied : undefined;
  };
  const canTake = (tried: readonly Member[]) => (member: Member) =>
    isFit(member) && !tried.includes(member) && !isOut(member, now);
  /** One that has a turn, or a place to wait for one, comes before those that would refuse. */
  const chooseFree = (canTakeIt: (member: Member) => boolean, limits: TurnLimits) =>
    choose((member) => canTakeIt(member) && member.target.turns.isFree(limits)) ??
    choose((member) => canTakeIt(member) && member.target.turns.hasPlace(limits));
  const memberOf = (asked: TargetTurns) => members.find(({ target }) => target.turns === asked) ?? first;
  return {
    ...(members.length === 1 ? single.ejection : openEjection(sharing, eject, needs)),
    size: sharing.length,
    pick(tried, tie) {
      if (members.length === 1) return first;
      const tied = tiedTo(tried, tie);
      if (tied) return tied;
      const isLeft = (member: Member) => isFit(member) && !tried.includes(member);
      const canTakeIt = canTake(tried);
      const found = (turns && chooseFree(canTakeIt, turns)) ?? choose(canTakeIt);
      const likely = () => choose((member) => isLeft(member) && !isOutTwice(member, now));
      return found ?? likely() ?? choose(isLeft) ?? choose(isFit) ?? first;
    },
    elsewhere(tried, tie) {
      if (members.length === 1 || tiedTo(tried, tie)) return noTurns;
      return members.filter(canTake(tried)).map(({ target }) => target.turns);
    },
    takes: (asked) =>
      members.length === 1 || !isOut(memberOf(asked), now) || !sharing.some((member) => !isOut(member, now)),
    memberOf,
    standing: () =>
      members.map((member) => ({
        target: member.target.name,
        isUp: (members.length > 1 || single.isUp()) && !isOut(member, now),
      })),
    isOdd({ target }, error) {
      if (!target.isOdd) onOdd(target, error);
      target.isOdd = true;
    },
  };
}
