import type { Clock } from '../clock.ts';

/** What is refused in floods is said once in a while for each who is refused, and not each time. */
export interface Refusals {
  /**
   * @param limit the name of the limit
   * @param who whose requests or connections they are; undefined for nobody in particular
   */
  refused(limit: string, who: string | undefined): void;
}

/** One line for each limit and client in this time. */
const sayEveryMs = 10_000;
/** So many are told apart in that time; of the rest it is said how many they were. */
const mostToldApart = 100;

interface Counted {
  limit: string;
  who: string | undefined;
  count: number;
}

/** @param say called with how many there were since the last time */
export function createRefusals(
  say: (limit: string, who: string | undefined, count: number) => void,
  clock: Pick<Clock, 'after'>,
): Refusals {
  const counted = new Map<string, Counted>();
  let isTimed = false;
  const sayLater = () => {
    if (isTimed) return;
    isTimed = true;
    clock.after(sayEveryMs, sayAll).unref();
  };
  const sayAll = () => {
    isTimed = false;
    for (const [key, each] of counted) {
      const { limit, who, count } = each;
      each.count = 0;
      if (count === 0) counted.delete(key);
      else say(limit, who, count);
    }
    if (counted.size > 0) sayLater();
  };
  return {
    refused(limit, who) {
      const key = `${limit} ${who ?? ''}`;
      let mine = counted.get(key);
      if (!mine && counted.size >= mostToldApart) {
        const rest = `${limit} *`;
        mine = counted.get(rest) ?? { limit, who: 'others', count: 0 };
        counted.set(rest, mine);
      } else if (!mine) {
        counted.set(key, { limit, who, count: 0 });
        sayLater();
        say(limit, who, 1);
        return;
      }
      mine.count += 1;
    },
  };
}
