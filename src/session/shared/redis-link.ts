import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../clock.ts';
import type { Logger } from '../../observe/log.ts';
import { connectRedis, type RedisClient, type RedisSettings } from './redis-client.ts';
import { type Fault, faultOf, RedisTimeout } from './redis-faults.ts';
import { storeUnavailable } from './shared.ts';

/**
 * A connection to Redis with a circuit before it: what the server cannot do now is refused at once, and it is found
 * out apart from all requests when it can again.
 */
export interface RedisLink {
  /** Rejects with GatewayError 503 for all that the server cannot do now. */
  read<T>(command: (redis: RedisClient) => Promise<T>): Promise<T>;
  /** The same for commands that need room. */
  write<T>(command: (redis: RedisClient) => Promise<T>): Promise<T>;
  /** What is wrong, for people to read. */
  problem(): string | undefined;
  /** Called when something works again: all of it, or reading. */
  onBack(listener: (back: Back) => void): void;
  close(): void;
}

/** What is known of a server that can be used again. */
export interface Back {
  /** It is the first time since the start. */
  isFirst: boolean;
  /** It is empty: started anew without its data, or another one. */
  hasForgotten: boolean;
}

/** Between two looks at a server that is out. */
const lookAgainMs = 250;
/** Between two looks at one that works: a demotion or a hang is seen before a request meets it. */
const lookMs = 5000;
const probeTtlMs = 60_000;
/** How long a server is told by a name of its own from one that has forgotten everything. */
const memoryTtlMs = 30 * 24 * 3_600_000;

export function createRedisLink(
  settings: RedisSettings & { keyPrefix: string },
  log: Logger,
  clock: Clock,
): RedisLink {
  const { timeout, keyPrefix } = settings;
  const client = connectRedis(settings);
  const listeners = new Set<(back: Back) => void>();
  /** Nothing works for this reason; and the same for writes alone. */
  let out: string | undefined = 'Redis was not reached yet';
  let full: string | undefined;
  let logged: string | undefined;
  let refused: string | undefined;
  let timer: Timer | undefined;
  let isLooking = false;
  let isLeaving = false;
  let memory: string | undefined;
  let isClosed = false;

  const met = (error: unknown) => {
    const fault = faultOf(error);
    if (isClosed) return;
    if (fault.concerns === 'command') {
      if (refused !== fault.reason) log.warn({ reason: fault.reason }, 'Redis refused a command');
      refused = fault.reason;
      return;
    }
    if (fault.concerns === 'all') {
      out = 'Redis is not reachable';
      // The next connection may lead to another server, gets through where this one is stuck, and signs in anew.
      if (client.status === 'ready' && !isLeaving) client.disconnect(true);
      isLeaving = client.status === 'ready';
    } else {
      full = 'Redis takes no writes';
    }
    name(fault);
    lookIn(lookAgainMs);
  };

  /** Each fault is logged when it comes, not each time that it is met. */
  const name = ({ name: word, reason, concerns }: Fault) => {
    // That a connection was closed tells less than why it cannot be made again.
    if (logged === word || (logged !== undefined && word === 'connection')) return;
    logged = word;
    log.warn({ reason }, concerns === 'writes' ? 'Redis takes no writes' : 'Redis is not reachable');
  };

  const lookIn = (ms: number) => {
    timer?.cancel();
    if (isClosed) return;
    timer = clock.after(ms, () => void look()).unref();
  };

  /** One write shows everything: that somebody answers, who we are, that it is no replica, and that there is room. */
  const look = async () => {
    if (isLooking || isLeaving || client.status !== 'ready') return;
    isLooking = true;
    try {
      await inTime(client.set(`${keyPrefix}probe`, '1', 'PX', probeTtlMs));
      if (out !== undefined || full !== undefined) back(undefined, await inTime(readMemory()));
    } catch (error) {
      const { concerns } = faultOf(error);
      met(error);
      if (concerns !== 'all') back(concerns === 'writes' ? full : undefined, memory);
    } finally {
      isLooking = false;
      lookIn(out === undefined && full === undefined ? lookMs : lookAgainMs);
    }
  };

  /** The name that the first who came gave to what this server holds. */
  const readMemory = async () => {
    const key = `${keyPrefix}memory`;
    await client.set(key, randomBytes(12).toString('base64url'), 'PX', memoryTtlMs, 'NX');
    return (await client.get(key)) ?? undefined;
  };

  const back = (stillFull: string | undefined, now: string | undefined) => {
    const isFirst = memory === undefined;
    const hasForgotten = !isFirst && memory !== now;
    memory = now;
    const isBetter = out !== undefined || (full !== undefined && stillFull === undefined);
    out = undefined;
    full = stillFull;
    if (!isBetter || isClosed) return;
    if (full === undefined) {
      logged = undefined;
      log.info('Redis is reachable');
    }
    for (const listener of listeners) listener({ isFirst, hasForgotten });
  };

  /** Rejects when there is no reply in time. */
  const inTime = <T>(reply: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      // A process that was held up finds its timers first: a reply that is there by then counts.
      const late = () => setImmediate(() => reject(new RedisTimeout(timeout)));
      const limit = clock.after(timeout, late);
      reply.then(resolve, reject).finally(() => limit.cancel());
    });

  const ask = async <T>(reason: string | undefined, command: (redis: RedisClient) => Promise<T>) => {
    if (reason !== undefined) throw storeUnavailable(new Error(reason));
    try {
      return await inTime(command(client));
    } catch (error) {
      met(error);
      throw storeUnavailable(error);
    }
  };

  client.on('ready', () => {
    isLeaving = false;
    lookIn(0);
  });
  client.on('error', met);
  client.on('close', () => met(new Error('the connection was closed')));

  return {
    read: (command) => ask(out, command),
    write: (command) => ask(out ?? full, command),
    problem: () => out ?? full,
    onBack: (listener) => void listeners.add(listener),
    close() {
      isClosed = true;
      timer?.cancel();
      client.disconnect();
    },
  };
}
