import { randomBytes } from 'node:crypto';
import { describeError, type Logger } from '../../observe/log.ts';
import { mostEntries, type Revocation, type Revocations } from '../revocations.ts';
import { connectRedis, type RedisSettings } from './redis-client.ts';
import type { RedisLink } from './redis-link.ts';
import { storeUnavailable } from './shared.ts';

/** So often is tried out whether what is published arrives here; a connection may die without a word. */
const pulseMs = 5000;
const subscribeAgainMs = 500;
/** Sign-outs that wait for Redis to come back, at the most. */
const mostUnsent = 10_000;

/** The sign-outs of all instances. */
export interface RedisSignOuts {
  publish(revocation: Revocation): Promise<void>;
  /** Whether those from before the start of this instance are known. */
  isKnown(): boolean;
  /** Writes what could not be written, once. */
  flush(): Promise<void>;
  close(): void;
}

export interface RedisSignOutsParts {
  link: RedisLink;
  settings: RedisSettings & { keyPrefix: string };
  revocations: Revocations;
  log: Logger;
}

/** A list that is read at the start and after every outage, and a channel for those that listen. */
export function createRedisSignOuts({ link, settings, revocations, log }: RedisSignOutsParts): RedisSignOuts {
  const { keyPrefix, timeout } = settings;
  const subscriber = connectRedis(settings);
  const channel = `${keyPrefix}revoked`;
  const pulseChannel = `${keyPrefix}revoked:pulse:${randomBytes(9).toString('base64url')}`;
  const listOf = (proven: boolean) => `${keyPrefix}revocations:${proven ? 'proven' : 'claimed'}`;
  let isListening = false;
  let isKnown = false;
  let heardAt = 0;

  const seconds = () => Math.floor(Date.now() / 1000);
  const notLoaded = (error: unknown) => {
    // An outage is named by the link.
    if (link.problem() === undefined) log.warn({ reason: describeError(error) }, 'sign-outs were not loaded');
  };

  const load = async () => {
    const wasListening = isListening;
    const now = seconds();
    for (const list of [listOf(true), listOf(false)]) {
      const texts = await link.read((redis) => redis.zrangebyscore(list, now, '+inf'));
      for (const text of texts) revocations.add(JSON.parse(text) as Revocation);
    }
    // Of those that came between the list and the first word on the channel nobody has told yet.
    if (wasListening) isKnown = true;
  };

  const subscribe = async () => {
    await subscriber.subscribe(channel, pulseChannel);
    isListening = true;
    heardAt = performance.now();
    await load();
  };
  const subscribeAgain = (error: unknown) => {
    notLoaded(error);
    setTimeout(() => {
      if (subscriber.status === 'ready' && !isListening) subscribe().catch(subscribeAgain);
      else if (isListening && !isKnown) load().catch(subscribeAgain);
    }, subscribeAgainMs).unref();
  };
  subscriber.on('error', () => {});
  subscriber.on('close', () => {
    isListening = false;
  });
  subscriber.on('ready', () => {
    isListening = false;
    subscribe().catch(subscribeAgain);
  });
  subscriber.on('message', (from: string, text: string) => {
    heardAt = performance.now();
    if (from === channel) revocations.add(JSON.parse(text) as Revocation);
  });

  const pulse = setInterval(() => {
    if (!isListening || link.problem() !== undefined) return;
    if (performance.now() - heardAt > pulseMs + 2 * timeout) {
      // What is published does not arrive. The list says what was missed, once there is a new connection.
      isListening = false;
      subscriber.disconnect(true);
      return;
    }
    link.read((redis) => redis.publish(pulseChannel, '')).catch(() => {});
  }, pulseMs).unref();

  /** What could not be written yet; it is known here all the same. */
  const unsent = new Set<Revocation>();

  const send = async (revocation: Revocation) => {
    const text = JSON.stringify(revocation);
    const list = listOf(revocation.proven);
    const written = link.write(async (redis) => {
      await redis.zadd(list, revocation.until, text);
      // What is over goes, and of too many those that are over soonest: sign-outs must not fill Redis.
      await redis.zremrangebyscore(list, '-inf', seconds());
      await redis.zremrangebyrank(list, 0, -mostEntries[revocation.proven ? 'proven' : 'claimed'] - 1);
    });
    // A server without room for the list still tells those that listen.
    const told = link.read((redis) => redis.publish(channel, text));
    const [writing, telling] = await Promise.allSettled([written, told]);
    if (writing.status === 'rejected' || telling.status === 'rejected') {
      throw storeUnavailable(new Error('the sign-out could not be shared with other instances yet'));
    }
  };

  const flush = async () => {
    for (const revocation of [...unsent]) {
      await send(revocation).then(
        () => unsent.delete(revocation),
        () => {},
      );
    }
  };

  link.onBack(({ hasForgotten }) => {
    if (isListening) load().catch(subscribeAgain);
    if (hasForgotten) for (const revocation of revocations.all()) unsent.add(revocation);
    void flush();
  });

  return {
    async publish(revocation) {
      revocations.add(revocation);
      try {
        await send(revocation);
      } catch (error) {
        unsent.add(revocation);
        for (const oldest of unsent) {
          if (unsent.size <= mostUnsent) break;
          unsent.delete(oldest);
        }
        throw error;
      }
    },
    isKnown: () => isKnown,
    flush,
    close() {
      clearInterval(pulse);
      subscriber.disconnect();
    },
  };
}
