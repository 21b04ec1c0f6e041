import type { Clock, Timer } from '../clock.ts';
import type { Random } from '../random.ts';
import type { Target } from './targets.ts';

/** The targets of many gateways are not all connected to anew in the same moment. */
const spread = 0.1;

/**
 * Has a target connected to anew, so that none of its connections is older than this for longer than its request takes: the
 * name is looked up again for each new one. A busy connection would stay with the address of before for ever.
 * @returns what ends that
 */
export function limitAge(
  target: Pick<Target, 'renew'>,
  ageMs: number,
  { clock, random }: { clock: Clock; random: Random },
): { close(): void } {
  let timer: Timer;
  const wait = () => {
    timer = clock.after(ageMs * (1 - spread * random()), renew).unref();
  };
  const renew = () => {
    target.renew();
    wait();
  };
  wait();
  return { close: () => timer.cancel() };
}
