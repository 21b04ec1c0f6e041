import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { Emit } from '../../observe/events.ts';
import { connectRedis, type RedisSettings } from './redis-client.ts';
import type { RedisLink } from './redis-link.ts';

/** So often is tried out whether what is published arrives here; a connection may die without a word. */
const pulseMs = 1000;
/** So many pulses in a row may be missing before there is a new connection. */
const mostMissed = 2;
const subscribeAgainMs = 500;

/** The one connection of a process that listens to what instances publish. */
export interface RedisChannel {
  /** Calls back for what is published under a name; to be called before the first connection. */
  on(channel: string, listener: (text: string) => void): void;
  /** Calls back when it listens, for the first time or again: what came before that was missed. */
  onListening(listener: () => void): void;
  /** Calls back again and again while it hears nothing, though the server can be reached. */
  onDeaf(listener: () => void): void;
  /** Calls back when it does not listen any more. */
  onLost(listener: () => void): void;
  /**
   * Calls back for each pulse that arrives; @param listener is told when it was sent, on the monotonic clock, and how
   * far the time of day was ahead of that clock
   */
  onPulse(listener: (sentAt: number, ahead: number) => void): void;
  isListening(): boolean;
  /** It hears nothing, though the server can be reached. */
  isDeaf(): boolean;
  close(): void;
}

export interface RedisChannelNeeds {
  link: RedisLink;
  settings: RedisSettings & { keyPrefix: string };
  clock: Clock;
  emit: Emit;
}

export function createRedisChannel({ link, settings, clock, emit }: RedisChannelNeeds): RedisChannel {
  const subscriber = connectRedis(settings);
  const pulseChannel = `${settings.keyPrefix}pulse:${randomBytes(9).toString('base64url')}`;
  const { listeners, starts, losses, deafs, pulses, registers } = createRegisters();
  const pulse = createPulse(link, clock, pulseChannel);
  const hearing = createHearing(link, emit, deafs);
  const subscription = createSubscription(subscriber, clock, {
    channels: () => [pulseChannel, ...listeners.keys()],
    began() {
      pulse.arrived();
      for (const start of starts) start();
      pulse.send();
    },
    ended() {
      for (const loss of losses) loss();
    },
    refused: hearing.failed,
  });
  subscriber.on('message', (from: string, text: string) => {
    pulse.arrived();
    if (from !== pulseChannel) return listeners.get(from)?.(text);
    hearing.works();
    const [sentAt = 0, ahead = 0] = text.split(' ').map(Number);
    if (subscription.isListening()) for (const told of pulses) told(sentAt, ahead);
  });
  const timer = clock
    .every(pulseMs, () => {
      if (!subscription.isListening() || !link.canRead()) return;
      if (!pulse.isGone()) return pulse.send();
      hearing.failed(new Error('what is published does not arrive'));
      subscription.listenAnew();
    })
    .unref();
  // The server that was out may hold on to this connection, while another one has taken its place.
  link.onBack(({ isFirst, wasOut }) => wasOut && !isFirst && subscription.listenAnew());

  return {
    ...registers,
    isListening: subscription.isListening,
    isDeaf: hearing.isDeaf,
    close() {
      timer.cancel();
      subscriber.disconnect();
    },
  };
}

interface SubscriptionNeeds {
  channels(): string[];
  began(): void;
  ended(): void;
  /** The server takes no subscription; it is asked again. */
  refused(error: unknown): void;
}

/** Subscribes whenever there is a connection, until the server takes it. */
function createSubscription(
  subscriber: ReturnType<typeof connectRedis>,
  clock: Pick<Clock, 'after'>,
  { channels, began, ended, refused }: SubscriptionNeeds,
) {
  let isListening = false;
  const lost = () => {
    if (!isListening) return;
    isListening = false;
    ended();
  };
  const subscribe = async () => {
    await subscriber.subscribe(...channels());
    isListening = true;
    began();
  };
  const subscribeAgain = (error: unknown) => {
    refused(error);
    clock
      .after(subscribeAgainMs, () => {
        if (subscriber.status === 'ready' && !isListening) subscribe().catch(subscribeAgain);
      })
      .unref();
  };
  subscriber.on('error', () => {});
  subscriber.on('close', lost);
  subscriber.on('ready', () => {
    lost();
    subscribe().catch(subscribeAgain);
  });
  return {
    isListening: () => isListening,
    /** By a new connection; what was missed meanwhile is looked up then. */
    listenAnew() {
      if (!isListening) return;
      lost();
      subscriber.disconnect(true);
    },
  };
}

/** Whether what instances publish is heard; says once that it is not, and once that it is again. */
function createHearing(link: RedisLink, emit: Emit, deafs: ReadonlySet<() => void>) {
  let isDeaf = false;
  return {
    isDeaf: () => isDeaf && link.canRead(),
    failed(error: unknown) {
      // An outage is named by the link.
      if (!link.canRead()) return;
      if (!isDeaf) emit({ kind: 'store-deaf', error });
      isDeaf = true;
      for (const deaf of deafs) deaf();
    },
    works() {
      if (isDeaf) emit({ kind: 'store-heard' });
      isDeaf = false;
    },
  };
}

/** A word that goes out and has to come back. */
function createPulse(link: RedisLink, clock: Pick<Clock, 'monotonic' | 'now'>, pulseChannel: string) {
  let missed = 0;
  return {
    send() {
      missed += 1;
      const sentAt = clock.monotonic();
      const text = `${sentAt} ${clock.now() - sentAt}`;
      link.read((redis) => redis.publish(pulseChannel, text)).catch(() => {});
    },
    /** Whatever arrives shows the same. */
    arrived() {
      missed = 0;
    },
    isGone: () => missed > mostMissed,
  };
}

/** The callbacks for messages, starts, losses and pulses. */
function createRegisters() {
  const listeners = new Map<string, (text: string) => void>();
  const starts = new Set<() => void>();
  const losses = new Set<() => void>();
  const deafs = new Set<() => void>();
  const pulses = new Set<(sentAt: number, ahead: number) => void>();
  const registers: Pick<RedisChannel, 'on' | 'onListening' | 'onDeaf' | 'onLost' | 'onPulse'> = {
    on: (channel, listener) => void listeners.set(channel, listener),
    onListening: (listener) => void starts.add(listener),
    onDeaf: (listener) => void deafs.add(listener),
    onLost: (listener) => void losses.add(listener),
    onPulse: (listener) => void pulses.add(listener),
  };
  return { listeners, starts, losses, deafs, pulses, registers };
}
