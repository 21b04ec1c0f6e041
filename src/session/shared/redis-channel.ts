import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { connectRedis, type RedisSettings } from './redis-client.ts';
import type { RedisLink } from './redis-link.ts';

/** So often is tried out whether what is published arrives here; a connection may die without a word. */
const pulseMs = 5000;
/** So many pulses in a row may be missing. */
const mostMissed = 1;
const subscribeAgainMs = 500;

/** The one connection of a process that listens to what instances publish. */
export interface RedisChannel {
  /** Calls back for what is published under a name; to be called before the first connection. */
  on(channel: string, listener: (text: string) => void): void;
  /** Calls back when it listens, for the first time or again: what came before that was missed. */
  onListening(listener: () => void): void;
  isListening(): boolean;
  close(): void;
}

export interface RedisChannelNeeds {
  link: RedisLink;
  settings: RedisSettings & { keyPrefix: string };
  clock: Clock;
  /** It cannot listen, though the server can be reached. */
  onFailure(error: unknown): void;
}

export function createRedisChannel({ link, settings, clock, onFailure }: RedisChannelNeeds): RedisChannel {
  const subscriber = connectRedis(settings);
  const pulseChannel = `${settings.keyPrefix}pulse:${randomBytes(9).toString('base64url')}`;
  const listeners = new Map<string, (text: string) => void>();
  const starts = new Set<() => void>();
  let isListening = false;
  let missed = 0;

  const subscribe = async () => {
    await subscriber.subscribe(pulseChannel, ...listeners.keys());
    isListening = true;
    missed = 0;
    for (const start of starts) start();
  };
  const subscribeAgain = (error: unknown) => {
    onFailure(error);
    clock
      .after(subscribeAgainMs, () => {
        if (subscriber.status === 'ready' && !isListening) subscribe().catch(subscribeAgain);
      })
      .unref();
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
    missed = 0;
    listeners.get(from)?.(text);
  });

  const pulse = clock
    .every(pulseMs, () => {
      if (!isListening || link.problem() !== undefined) return;
      if (missed > mostMissed) {
        // What is published does not arrive. There is a new connection, and what was missed is looked up.
        isListening = false;
        subscriber.disconnect(true);
        return;
      }
      missed += 1;
      link.read((redis) => redis.publish(pulseChannel, '')).catch(() => {});
    })
    .unref();

  return {
    on: (channel, listener) => void listeners.set(channel, listener),
    onListening: (listener) => void starts.add(listener),
    isListening: () => isListening,
    close() {
      pulse.cancel();
      subscriber.disconnect();
    },
  };
}
