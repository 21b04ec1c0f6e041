import type { Clock } from '../../clock.ts';
import { type Shared, storeUnavailable, type Taken, type Turns } from './shared.ts';
import type { SingleFlight } from './single-flight.ts';

/** Nobody waits longer for another process: a refresh takes at most this. */
const longestWaitMs = 65_000;
/** So long a request waits for what was begun elsewhere and not told of, before it is told to come again. */
const shortWaitMs = 2000;
/**
 * Whoever waits is woken by the end of the turn. This is for an end that nobody tells of: the word of it was lost with
 * a connection, or its holder died and the turn has lapsed.
 */
const lookAgainMs = 500;

export interface OnceNeeds {
  turns: Turns;
  /** Of this process, whatever the place: a place may be replaced while something is under way. */
  flights: SingleFlight<string>;
  clock: Clock;
}

/**
 * Does a thing once among all processes, above the lock of any place. Within this process those who come meanwhile
 * share one flight. That flight asks for the turn until it gets it, or what came of it:
 *
 * - given: it does the work, keeps the turn alive meanwhile, and posts the value before anybody is told of it;
 * - taken: it waits to be woken by the end of that turn, and asks again;
 * - begun by somebody who is gone, and unrepeatable: it waits a little, and then says so.
 */
export function createOnce({ turns, flights, clock }: OnceNeeds): Pick<Shared, 'once' | 'settle'> {
  const run = async (
    key: string,
    { holder, previous }: { holder: string; previous: string | undefined },
    work: Parameters<Shared['once']>[1],
  ): Promise<string> => {
    const every = turns.renewEveryMs;
    const renewing = every === undefined ? undefined : clock.every(every, () => turns.renew(key, holder));
    renewing?.unref();
    try {
      const posted = await work(previous);
      await turns.post(key, posted, holder);
      return posted.value;
    } catch (error) {
      await turns.release(key, holder);
      throw error;
    } finally {
      renewing?.cancel();
    }
  };

  const runOnce: Shared['once'] = async (key, work, unrepeatable) => {
    const begunAt = clock.monotonic();
    for (let isFirst = true; ; isFirst = false) {
      // Most turns are free: only who finds one taken listens, and asks again before it waits.
      const end = isFirst ? undefined : listenForEnd(turns, key, clock);
      try {
        const taken = await turns.take(key, unrepeatable);
        if (taken.kind === 'done') return taken.value;
        if (taken.kind === 'yours') return await run(key, taken, work);
        if (taken.kind === 'lost' && unrepeatable) return unrepeatable.lost;
        giveUp(taken, clock.monotonic() - begunAt);
        const value = await end?.come;
        if (value !== undefined) return value;
      } finally {
        end?.cancel();
      }
    }
  };

  return {
    once: (key, work, unrepeatable) => flights(key, () => runOnce(key, work, unrepeatable)),
    settle: (key, posted) => void turns.post(key, posted),
  };
}

/** Throws GatewayError 503 where somebody has waited for long enough. */
function giveUp({ kind }: Taken, waitedMs: number): void {
  const longest = kind === 'taken' ? longestWaitMs : shortWaitMs;
  if (waitedMs > longest) throw storeUnavailable(new Error('another process has not finished'));
}

/** Resolves when a turn may have ended, with its value where that came along. */
function listenForEnd(turns: Turns, key: string, clock: Clock) {
  let cancel = () => {};
  const come = new Promise<string | undefined>((resolve) => {
    const off = turns.onEnd(key, resolve);
    const late = clock.after(lookAgainMs, () => resolve(undefined));
    cancel = () => {
      off();
      late.cancel();
    };
  });
  return { come, cancel: () => cancel() };
}
