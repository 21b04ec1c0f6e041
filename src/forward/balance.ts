import type { Clock } from '../clock.ts';
import type { Target } from './targets.ts';

/** How long a target that refused a connection is left out while there are others. */
const ejectionMs = 10_000;

/** The targets of one route, taken in turn (round robin); the ones that refused lately come last. */
export interface Targets {
  size: number;
  /** @param tried those that this request was refused by already */
  pick(tried: readonly Target[]): Target;
  /** No connection was made: nothing was sent. */
  refused(target: Target): void;
  /** The answer of this target is one that has to be repaired, as those that follow will be. */
  isOdd(target: Target, error: Error): void;
  /** Whether each takes connections, as far as is known. */
  standing(): { target: string; isUp: boolean }[];
}

/** @param onOdd called once for a target whose answers have to be repaired */
export function balance(
  targets: readonly Target[],
  clock: Pick<Clock, 'monotonic'>,
  onOdd: (target: Target, error: Error) => void,
): Targets {
  let turn = 0;
  const isOut = ({ refusedAt }: Target) => clock.monotonic() - refusedAt < ejectionMs;
  return {
    size: targets.length,
    pick(tried) {
      if (targets.length === 1) return targets[0] as Target;
      let fallback: Target | undefined;
      for (let step = 0; step < targets.length; step++) {
        const target = targets[(turn + step) % targets.length] as Target;
        if (tried.includes(target)) continue;
        fallback ??= target;
        if (isOut(target)) continue;
        turn = (turn + step + 1) % targets.length;
        return target;
      }
      turn = (turn + 1) % targets.length;
      return fallback ?? (targets[turn] as Target);
    },
    refused(target) {
      target.refusedAt = clock.monotonic();
    },
    isOdd(target, error) {
      if (!target.isOdd) onOdd(target, error);
      target.isOdd = true;
    },
    standing: () => targets.map((target) => ({ target: target.name, isUp: !isOut(target) })),
  };
}
