import { randomBytes } from 'node:crypto';
import { describeError, type Logger } from '../../observe/log.ts';
import { createBoard } from './board.ts';
import { createBegun, deleteOwnScript } from './redis-begun.ts';
import type { RedisLink } from './redis-link.ts';
import { type Posted, type Shared, storeUnavailable, type Unrepeatable } from './shared.ts';
import { createSingleFlight } from './single-flight.ts';

/** A holder that died holds the lock no longer than this; one that lives renews it. */
const leaseMs = 3000;
const renewMs = 1000;
const pollMs = 40;
/** Nobody waits longer for another instance: a refresh takes at most this. */
const longestWaitMs = 65_000;
/** So long a request waits for what was begun elsewhere and not told of, before it is told to come again. */
const shortWaitMs = 2000;
/**
 * After an outage others first write what they did in the meantime: a server that was restarted may have forgotten
 * what they had begun.
 */
const settleMs = 1500;
/** Results that wait for Redis to come back, at the most. */
const mostUnwritten = 10_000;
/** So much is written at a time to a server that has forgotten everything: others wait behind it. */
const batch = 200;

/** Makes the lock last, where it is still ours. */
const renewScript =
  "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('set',KEYS[1],ARGV[1],'PX',ARGV[2]) end return 0";

type Work = Parameters<Shared['once']>[1];

export type RedisTurns = Pick<Shared, 'once' | 'settle'> & {
  /** Writes what could not be written, for so long at the most. */
  close(withinMs: number): Promise<void>;
};

export interface RedisTurnsParts {
  link: RedisLink;
  keyOf(kind: string, name: string): string;
  log: Logger;
  /**
   * The name of the process that keeps the answers of its workers: what one of them began, another may go on with.
   * Unset where this process works alone.
   */
  gateway: string | undefined;
}

/**
 * The once-protocol among instances. The keys of one thing that is done once:
 *
 * - `lock`: somebody does it now. It lapses within seconds of its holder's end.
 * - `sent`, `underway`: it was begun and must not be begun again; for as long as that counts, and for as long as its
 *   holder may still tell of it. They are taken away when it is told.
 * - `done`, `mark`, `past`: the result, what stands there afterwards, and what is told to whoever does it again.
 */
export function createRedisTurns({ link, keyOf, log, gateway }: RedisTurnsParts): RedisTurns {
  // What was done here stays known here, should Redis go away in the middle of it.
  const board = createBoard();
  const alone = createSingleFlight<string>();
  const begun = createBegun(link, keyOf, gateway);
  let settledAt = 0;

  /**
   * The mark is read before the result, and written after it: whoever looks while both are being written sees
   * the result, never the mark alone. One command for both would need them in one slot of a Redis Cluster.
   */
  const look = (key: string) =>
    link.read(async (redis) => {
      const used = await redis.get(keyOf('mark', key));
      return (await redis.get(keyOf('done', key))) ?? used;
    });

  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  const runOnce: Shared['once'] = async (key, work, unrepeatable) => {
    const begunAt = performance.now();
    for (let waited = 0; waited < longestWaitMs; waited = performance.now() - begunAt) {
      const found = await look(key);
      if (found !== null) return found;
      const isSettled = !unrepeatable || performance.now() >= settledAt;
      const value = isSettled ? await tryOnce(key, work, unrepeatable, waited) : undefined;
      if (value !== undefined) return value;
      await wait(pollMs);
    }
    throw storeUnavailable(new Error('another instance has not finished'));
  };

  /** Does the work where nobody does it now; undefined where somebody does, or may still tell what came of it. */
  const tryOnce = async (
    key: string,
    work: Work,
    unrepeatable: Unrepeatable | undefined,
    waited: number,
  ): Promise<string | undefined> => {
    const lock = keyOf('lock', key);
    const holder = randomBytes(12).toString('base64url');
    if ((await link.write((redis) => redis.set(lock, holder, 'PX', leaseMs, 'NX'))) === null)
      return undefined;
    const renewing = renew(lock, holder);
    try {
      // Between the look and the lock, the one before may have finished.
      const late = await look(key);
      if (late !== null) return late;
      const fate = unrepeatable ? await begun.begin(key, unrepeatable) : 'begun';
      if (fate === 'begun') return await run(key, work, unrepeatable);
      // Its holder may have told of it between these looks.
      if (fate === 'lost') return (await look(key)) ?? unrepeatable?.lost;
    } finally {
      clearInterval(renewing);
      void link.read((redis) => redis.eval(deleteOwnScript, 1, lock, holder)).catch(() => {});
    }
    // Its holder is cut off, or has ended and left it to another process of its gateway.
    if (waited > shortWaitMs) throw storeUnavailable(new Error('it is under way'));
    await wait(5 * pollMs);
    return undefined;
  };

  const run = async (key: string, work: Work, unrepeatable: Unrepeatable | undefined): Promise<string> => {
    const previous = await link.read((redis) => redis.get(keyOf('past', key)));
    let posted: Posted;
    try {
      posted = await work(previous ?? undefined);
    } catch (error) {
      if (unrepeatable) await begun.forget(key).catch(() => {});
      throw error;
    }
    board.post(key, posted);
    await share(key, posted, performance.now(), unrepeatable !== undefined);
    return posted.value;
  };

  const renew = (lock: string, holder: string) =>
    setInterval(() => {
      link.write((redis) => redis.eval(renewScript, 1, lock, holder, leaseMs)).catch(() => {});
    }, renewMs).unref();

  /** What could not be written yet, by key; it is written as soon as Redis is back. */
  const unwritten = new Map<string, { posted: Posted; at: number; wasBegun: boolean }>();

  /** A result that cannot be written is known here all the same, and reaches the others when it can. */
  async function share(key: string, posted: Posted, at: number, wasBegun: boolean): Promise<void> {
    try {
      await write(key, posted, performance.now() - at);
      if (wasBegun) await begun.forget(key);
      if (unwritten.get(key)?.at === at) unwritten.delete(key);
    } catch (error) {
      const other = unwritten.get(key);
      if (other && other.at > at) return;
      if (unwritten.size === 0)
        log.warn({ reason: describeError(error) }, 'a refresh could not be shared with other instances yet');
      unwritten.set(key, { posted, at, wasBegun: wasBegun || other?.wasBegun === true });
      for (const oldest of unwritten.keys()) {
        if (unwritten.size <= mostUnwritten) break;
        unwritten.delete(oldest);
      }
    }
  }

  async function write(key: string, posted: Posted, age: number): Promise<void> {
    const { value, afterwards, rememberMs = 0 } = posted;
    const left = posted.lingerMs - age;
    const put = (kind: string, text: string, ms: number) =>
      link.write((redis) => redis.set(keyOf(kind, key), text, 'PX', Math.ceil(ms)));
    if (left > 0) await put('done', value, left);
    const markMs = left + (afterwards?.forMs ?? 0);
    if (afterwards && markMs > 0) await put('mark', afterwards.value, markMs);
    if (rememberMs > 0 && left + rememberMs > 0) await put('past', value, left + rememberMs);
  }

  const writeAgain = () =>
    Promise.all([...unwritten].map(([key, { posted, at, wasBegun }]) => share(key, posted, at, wasBegun)));

  /** A server that has forgotten everything is told again what was done here and still counts. */
  const writeAll = async () => {
    const at = performance.now();
    const told = [...board.all()];
    for (let start = 0; start < told.length; start += batch) {
      const some = told.slice(start, start + batch);
      await Promise.all(some.map(([key, posted]) => share(key, posted, at, false)));
    }
  };

  link.onBack(({ isFirst, hasForgotten }) => {
    if (!isFirst) settledAt = performance.now() + settleMs;
    if (hasForgotten) void writeAll();
    void writeAgain();
    begun.mend(hasForgotten).catch(() => {});
  });

  return {
    once(key, work, unrepeatable) {
      const posted = board.read(key);
      if (posted !== undefined) return Promise.resolve(posted);
      return alone(key, () => runOnce(key, work, unrepeatable));
    },
    settle(key, posted) {
      board.post(key, posted);
      void share(key, posted, performance.now(), false);
    },
    async close(withinMs) {
      const end = performance.now() + withinMs;
      await alone.ended(withinMs);
      while (unwritten.size > 0 && performance.now() < end) {
        await writeAgain();
        if (unwritten.size > 0) await wait(5 * pollMs);
      }
    },
  };
}
