import { createHash, randomBytes } from 'node:crypto';
import { describeError, type Logger } from '../../observe/log.ts';
import { mostEntries, type Revocation, type Revocations } from '../revocations.ts';
import { createBoard } from './board.ts';
import { connectRedis, type RedisClient, type RedisSettings } from './redis-client.ts';
import { type ClaimDesk, type Posted, type Shared, storeUnavailable } from './shared.ts';
import { createSingleFlight } from './single-flight.ts';

export interface RedisSharedOptions extends RedisSettings {
  keyPrefix: string;
}

/** A holder that died must not hold the lock for long; a refresh takes at most this. */
const lockMs = 65_000;
const pollMs = 40;
/** Results that wait for Redis to come back, at the most. */
const mostUnwritten = 10_000;

/** Deletes the lock only where it is still ours. */
const releaseScript =
  "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0";

/** What instances share, in Redis or Valkey. Names in keys are digests, so that a dump tells nobody's. */
export function createRedisShared(
  options: RedisSharedOptions,
  revocations: Revocations,
  log: Logger,
): Shared & ClaimDesk {
  const { keyPrefix } = options;
  const client = connectRedis(options);
  const subscriber = connectRedis(options);
  const channel = `${keyPrefix}revoked`;
  const keyOf = (kind: string, name: string) =>
    `${keyPrefix}${kind}:${createHash('sha256').update(name).digest('base64url')}`;
  const listOf = (proven: boolean) => `${keyPrefix}revocations:${proven ? 'proven' : 'claimed'}`;
  let problem: string | undefined = 'Redis was not reached yet';

  const reachable = () => {
    if (problem !== undefined) log.info('Redis is reachable');
    problem = undefined;
    loadRevocations().catch(notLoaded);
    shareAgain();
  };
  const notLoaded = (error: unknown) =>
    log.warn({ reason: describeError(error) }, 'sign-outs were not loaded');
  const unreachable = (error: unknown) => {
    if (problem === undefined) log.warn({ reason: describeError(error) }, 'Redis is not reachable');
    problem = 'Redis is not reachable';
  };
  client.on('ready', reachable);
  client.on('error', unreachable);
  client.on('close', () => unreachable(new Error('the connection was closed')));
  subscriber.on('error', () => {});
  subscriber.on('ready', () => {
    // What was published while nobody listened here is on the list.
    subscriber.subscribe(channel).then(loadRevocations).catch(notLoaded);
  });
  subscriber.on('message', (_channel: string, text: string) =>
    revocations.add(JSON.parse(text) as Revocation),
  );

  const ask = async <T>(command: (redis: RedisClient) => Promise<T>): Promise<T> => {
    try {
      return await command(client);
    } catch (error) {
      throw storeUnavailable(error);
    }
  };

  /** Sign-outs that happened while this instance was not there to hear of them. */
  async function loadRevocations(): Promise<void> {
    // As soon as it is, they are loaded.
    if (client.status !== 'ready') return;
    const now = Math.floor(Date.now() / 1000);
    for (const list of [listOf(true), listOf(false)]) {
      await client.zremrangebyscore(list, '-inf', now);
      for (const text of await client.zrangebyscore(list, now, '+inf')) {
        revocations.add(JSON.parse(text) as Revocation);
      }
    }
  }

  // What was done here stays known here, should Redis go away in the middle of it.
  const board = createBoard();
  const alone = createSingleFlight<string>();
  const runOnce = async (key: string, work: Parameters<Shared['once']>[1]): Promise<string> => {
    const [done, mark, lock] = [keyOf('done', key), keyOf('mark', key), keyOf('lock', key)];
    const holder = randomBytes(12).toString('base64url');
    for (const deadline = Date.now() + lockMs; Date.now() < deadline; ) {
      const found = await look(done, mark);
      if (found !== null) return found;
      if ((await ask((redis) => redis.set(lock, holder, 'PX', lockMs, 'NX'))) !== null) break;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    try {
      // Between the look and the lock, the one before may have finished.
      const late = await look(done, mark);
      if (late !== null) return late;
      const previous = await ask((redis) => redis.get(keyOf('past', key)));
      const posted = await work(previous ?? undefined);
      board.post(key, posted);
      await share(key, posted);
      return posted.value;
    } finally {
      await client.eval(releaseScript, 1, lock, holder).catch(() => {});
    }
  };

  /**
   * The mark is read before the result, and written after it: whoever looks while both are being written sees
   * the result, never the mark alone. One command for both would need them in one slot of a Redis Cluster.
   */
  const look = (done: string, mark: string) =>
    ask(async (redis) => {
      const used = await redis.get(mark);
      return (await redis.get(done)) ?? used;
    });

  /** What could not be written yet, by key; it is written as soon as Redis is back. */
  const unwritten = new Map<string, { posted: Posted; at: number }>();

  /** A result that cannot be written is known here all the same, and reaches the others when it can. */
  async function share(key: string, posted: Posted, at = Date.now()): Promise<void> {
    try {
      await write(key, posted, Date.now() - at);
      unwritten.delete(key);
    } catch (error) {
      log.warn({ reason: describeError(error) }, 'a refresh could not be shared with other instances yet');
      unwritten.set(key, { posted, at });
      for (const oldest of unwritten.keys()) {
        if (unwritten.size <= mostUnwritten) break;
        unwritten.delete(oldest);
      }
    }
  }

  async function write(key: string, posted: Posted, age: number): Promise<void> {
    const { value, afterwards, rememberMs = 0 } = posted;
    const left = posted.lingerMs - age;
    if (left > 0) await client.set(keyOf('done', key), value, 'PX', Math.ceil(left));
    const markMs = Math.ceil(left + (afterwards?.forMs ?? 0));
    if (afterwards && markMs > 0) await client.set(keyOf('mark', key), afterwards.value, 'PX', markMs);
    const pastMs = Math.ceil(left + rememberMs);
    if (rememberMs > 0 && pastMs > 0) await client.set(keyOf('past', key), value, 'PX', pastMs);
  }

  function shareAgain(): void {
    for (const [key, { posted, at }] of [...unwritten]) void share(key, posted, at);
  }

  return {
    once(key, work) {
      const posted = board.read(key);
      return posted === undefined ? alone(key, () => runOnce(key, work)) : Promise.resolve(posted);
    },
    settle(key, posted) {
      board.post(key, posted);
      void share(key, posted);
    },
    // One command does both, so that of two instances one is first.
    claim: (name, forMs) =>
      ask(async (redis) => (await redis.set(keyOf('claim', name), '1', 'PX', forMs, 'NX')) !== null),
    sessions: {
      get: (id) => ask(async (redis) => (await redis.get(`${keyPrefix}session:${id}`)) ?? undefined),
      set: (id, value, ttlSeconds) =>
        ask(async (redis) => {
          await redis.set(`${keyPrefix}session:${id}`, value, 'EX', ttlSeconds);
        }),
      delete: (id) =>
        ask(async (redis) => {
          await redis.del(`${keyPrefix}session:${id}`);
        }),
    },
    async publish(revocation) {
      revocations.add(revocation);
      const text = JSON.stringify(revocation);
      await ask(async (redis) => {
        const list = listOf(revocation.proven);
        await redis.zadd(list, revocation.until, text);
        // What is over goes, and of too many those that are over soonest: sign-outs must not fill Redis.
        await redis.zremrangebyscore(list, '-inf', Math.floor(Date.now() / 1000));
        await redis.zremrangebyrank(list, 0, -mostEntries[revocation.proven ? 'proven' : 'claimed'] - 1);
        await redis.publish(channel, text);
      });
    },
    problem: () => problem,
    async close() {
      client.disconnect();
      subscriber.disconnect();
    },
  };
}
