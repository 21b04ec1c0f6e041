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
  const subscriber = connectRedis(settings).on('error', () => {});
  const pulseChannel = `${settings.keyPrefix}pulse:${randomBytes(9).toString('base64url')}`;
  const { listeners, starts, losses, deafs, pulses, registers } = createRegisters();
  const pulse = createPulse(link, clock, pulseChannel);
  const hearing = createHearing(link, emit, deafs);
  let isListening = false;

  const lost = () => {
    const was = isListening;
    isListening = false;
    if (was) callAll(losses);
  };
  const isOpen = () => subscriber.status === 'ready';
  const subscribe = async () => {
    await subscriber.subscribe(...listeners.keys());
    isListening = true;
    pulse.arrived();
    callAll(starts);
    pulse.send();
  };
  // A connection that has ended was not refused.
  const refused = (error: unknown) => isOpen() && hearing.failed(error);
  const trySubscribing = keepTrying(clock, () => isOpen() && !isListening, subscribe, refused);
  registers.on(pulseChannel, (text) => {
    hearing.works();
    if (isListening) tellPulse(pulses, text);
  });
  subscriber.on('close', lost);
  subscriber.on('ready', () => {
    lost();
    trySubscribing();
  });
  subscriber.on('message', (from: string, text: string) => {
    pulse.arrived();
    listeners.get(from)?.(text);
  });

  const listenAnew = () => {
    lost();
    subscriber.disconnect(true);
  };
  const deaf = () => {
    hearing.failed(new Error('what is published does not arrive'));
    listenAnew();
  };
  const timer = clock.every(pulseMs, () => isListening && link.canRead() && pulse.beat(deaf)).unref();
  // The server that was out may hold on to this connection, while another one has taken its place.
  link.onBack(({ isFirst, wasOut }) => wasOut && !isFirst && isListening && listenAnew());

  return {
    ...registers,
    isListening: () => isListening,
    isDeaf: hearing.isDeaf,
    close() {
      timer.cancel();
      subscriber.disconnect();
    },
  };
}

const callAll = (all: ReadonlySet<() => void>) => {
  for (const each of all) each();
};

function tellPulse(pulses: ReadonlySet<(sentAt: number, ahead: number) => void>, text: string): void {
  const [sentAt = 0, ahead = 0] = text.split(' ').map(Number);
  for (const told of pulses) told(sentAt, ahead);
}

function keepTrying(
  clock: Pick<Clock, 'after'>,
  isWanted: () => boolean,
  work: () => Promise<void>,
  onFailure: (error: unknown) => void,
): () => void {
  const attempt = () => {
    if (!isWanted()) return;
    work().catch((error: unknown) => {
      onFailure(error);
      clock.after(subscribeAgainMs, attempt).unref();
    });
  };
  return attempt;
}

/** Whether anything is heard. An outage of the whole server is named by the link. */
function createHearing(link: RedisLink, emit: Emit, deafs: ReadonlySet<() => void>) {
  let isDeaf = false;
  return {
    failed(error: unknown) {
      if (!link.canRead()) return;
      if (!isDeaf) emit({ kind: 'store-deaf', error });
      isDeaf = true;
      callAll(deafs);
    },
    works() {
      if (isDeaf) emit({ kind: 'store-heard' });
      isDeaf = false;
    },
    isDeaf: () => isDeaf && link.canRead(),
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
    /** @param isGone is called where those before did not come back */
    beat(isGone: () => void) {
      if (missed > mostMissed) isGone();
      else this.send();
    },
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
