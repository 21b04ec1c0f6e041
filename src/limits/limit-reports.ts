import type { Clock } from '../clock.ts';

/** Reports of what limits refused: at floods, one for each client once in a while, and not one for each refusal. */
export interface LimitReports {
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
export function createLimitReports(
  say: (limit: string, who: string | undefined, count: number) => void,
  clock: Pick<Clock, 'after'>,
): LimitReports {
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
