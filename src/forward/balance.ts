import type { Clock } from '../clock.ts';
import type { UpstreamConfig } from '../config/schema/index.ts';
import type { Random } from '../random.ts';
import { balanceKinds } from './balance/kinds.ts';
import type { Member } from './balance/member.ts';
import type { Target } from './targets.ts';

/** How long a target that refused a connection is left out while there are others. */
const ejectionMs = 10_000;

/** The targets of one route, which share its requests; the ones that refused lately come last. */
export interface Targets {
  size: number;
  /** @param tried those that this request was refused by already */
  pick(tried: readonly Target[]): Target;
  /** No connection was made: nothing was sent. */
  refused(target: Target): void;
  /** The answer of this target is one that has to be repaired, as those that follow will be. */
  isOdd(target: Target, error: Error): void;
}

export interface BalanceNeeds {
  clock: Pick<Clock, 'monotonic'>;
  random: Random;
  /** Called once for a target whose answers have to be repaired. */
  onOdd(target: Target, error: Error): void;
}

export function balance(
  members: readonly Member[],
  kind: UpstreamConfig['balance'],
  { clock, random, onOdd }: BalanceNeeds,
): Targets {
  const choose = balanceKinds[kind](members, random);
  const [first] = members as [Member];
  const isOut = ({ refusedAt }: Target) => clock.monotonic() - refusedAt < ejectionMs;
  const isFit = ({ weight }: Member) => weight > 0;
  return {
    size: members.filter(isFit).length,
    pick(tried) {
      if (members.length === 1) return first.target;
      const isLeft = (member: Member) => isFit(member) && !tried.includes(member.target);
      const found = choose((member) => isLeft(member) && !isOut(member.target)) ?? choose(isLeft);
      return (found ?? choose(isFit) ?? first).target;
    },
    refused(target) {
      target.refusedAt = clock.monotonic();
    },
    isOdd(target, error) {
      if (!target.isOdd) onOdd(target, error);
      target.isOdd = true;
    },
  };
}
