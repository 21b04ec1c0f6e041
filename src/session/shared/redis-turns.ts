import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../observe/log.ts';
import type { Board } from './board.ts';
import { createEndListeners } from './listeners.ts';
import type { RedisChannel } from './redis-channel.ts';
import type { RedisLink } from './redis-link.ts';
import { createOutbox } from './redis-outbox.ts';
import { markScript, postScript, releaseScript, renewScript, takeScript } from './redis-scripts.ts';
import type { Posted, Taken, Turns, Unrepeatable } from './shared.ts';

/** A holder that died holds the lock no longer than this; one that lives renews it. */
const leaseMs = 3000;
const renewEveryMs = 1000;
/** What was begun and not told of is waited for so long, since its holder may only be cut off from Redis. */
const underWayMs = 65_000;
/**
 * After an outage others first write what they did in the meantime: a server that was restarted may have forgotten
 * what they had begun.
 */
const settleMs = 1500;
/** Attempts to take a turn that failed, at the most. */
const mostUnsure = 10_000;

export interface RedisTurns extends Turns {
  /** Writes what could not be written, for so long at the most. */
  flush(withinMs: number): Promise<void>;
}

export interface RedisTurnsNeeds {
  link: RedisLink;
  channel: RedisChannel;
  keyPrefix: string;
  /** What was done in this process stays known here, should Redis go away in the middle of it. */
  board: Board;
  /**
   * The name of the process that keeps the answers of its workers: what one of them began, another may go on with.
   * Unset where this process works alone.
   */
  gateway: string | undefined;
  log: Logger;
  clock: Clock;
}

/** The keys of one turn, in one slot of a Redis Cluster; redis-scripts.ts says what they hold. */
function keysOf(base: string): Record<'lock' | 'sent' | 'underway' | 'done' | 'mark' | 'past', string> {
  return {
    lock: `${base}:lock`,
    sent: `${base}:sent`,
    underway: `${base}:underway`,
    done: `${base}:done`,
    mark: `${base}:mark`,
    past: `${base}:past`,
  };
}

/** Turns among instances. Each command is one script, so that nobody sees half of it. */
export function createRedisTurns(needs: RedisTurnsNeeds): RedisTurns {
  const { link, channel, keyPrefix, board, gateway, log, clock } = needs;
  const me = randomBytes(12).toString('base64url');
  const listeners = createEndListeners();
  const endChannel = `${keyPrefix}turns`;
  /** Unrepeatable work that was begun here and not told of. */
  const running = new Map<string, { holder: string; forMs: number }>();
  /**
   * Turns that were to be taken here when Redis went away. They were not: yet Redis may read so when it comes back, and
   * others would wait for an answer that nobody has.
   */
  const unsure = new Map<string, string>();
  let settledAt = 0;

  // A digest, so that a dump tells nobody's.
  const nameOf = (key: string) => createHash('sha256').update(key).digest('base64url');
  const placeOf = (name: string) => keysOf(`${keyPrefix}turn:{${name}}`);

  /**
   * The mark is read before the result, and they are written together: whoever looks while both are being written
   * sees the result, never the mark alone.
   */
  const look = (key: string) =>
    link.read(async (redis) => {
      const { mark, done } = placeOf(nameOf(key));
      const used = await redis.get(mark);
      return (await redis.get(done)) ?? used;
    });

  const ask = async (key: string, unrepeatable: Unrepeatable | undefined): Promise<Taken> => {
    const resumable = unrepeatable?.heldBy === 'gateway' ? gateway : undefined;
    const holder = unsure.get(key) ?? `${resumable ?? me} ${randomBytes(12).toString('base64url')}`;
    const forMs = unrepeatable ? Math.ceil(unrepeatable.forMs) : 0;
    const { lock, sent, underway, done, mark, past } = placeOf(nameOf(key));
    const keys = [lock, sent, underway, done, mark, past];
    const args = [holder, leaseMs, forMs, underWayMs, resumable === undefined ? '' : `${resumable} `];
    const wasIn = link.problem() === undefined;
    const [kind, value] = (await link
      .write((redis) => redis.eval(takeScript, keys.length, ...keys, ...args))
      .catch((error: unknown) => {
        if (wasIn && unsure.size < mostUnsure) unsure.set(key, holder);
        throw error;
      })) as [Taken['kind'], string | undefined | null];
    unsure.delete(key);
    if (kind === 'done') return { kind, value: value ?? '' };
    if (kind !== 'yours') return { kind };
    if (unrepeatable) running.set(key, { holder, forMs });
    return { kind, holder, previous: value ?? undefined };
  };

  const write = (key: string, posted: Posted, ageMs: number, holder: string | undefined) => {
    const { value, afterwards, rememberMs = 0 } = posted;
    const name = nameOf(key);
    const left = posted.lingerMs - ageMs;
    const { lock, sent, underway, done, mark, past } = placeOf(name);
    const keys = [lock, sent, underway, done, mark, past];
    const lasting = (ms: number) => Math.max(0, Math.ceil(ms));
    const args = [
      holder ?? '',
      value,
      lasting(left),
      afterwards?.value ?? '',
      afterwards ? lasting(left + afterwards.forMs) : 0,
      rememberMs > 0 ? lasting(left + rememberMs) : 0,
      endChannel,
      name,
    ];
    return link.write((redis) => redis.eval(postScript, keys.length, ...keys, ...args));
  };
  const outbox = createOutbox({ write, board, log, clock });

  const release = async (key: string, holder: string) => {
    const name = nameOf(key);
    const { lock, sent, underway } = placeOf(name);
    await link.read((redis) => redis.eval(releaseScript, 3, lock, sent, underway, holder, endChannel, name));
  };
  const giveBack = (key: string, holder: string) =>
    release(key, holder).catch(() => {
      if (unsure.size < mostUnsure) unsure.set(key, holder);
    });

  link.onBack(async ({ isFirst, hasForgotten }) => {
    if (!isFirst) settledAt = clock.monotonic() + settleMs;
    outbox.writeAgain(hasForgotten);
    const attempts = [...unsure];
    unsure.clear();
    for (const [key, holder] of attempts) await giveBack(key, holder);
    // It may be a replica that was not told of the last of them.
    for (const [key, { holder, forMs }] of running) {
      const { sent, underway } = placeOf(nameOf(key));
      await link
        .write((redis) => redis.eval(markScript, 2, sent, underway, holder, underWayMs, forMs))
        .catch(() => {});
    }
  });
  channel.on(endChannel, (name) => listeners.tell(name));
  // What ended before was missed.
  channel.onListening(listeners.tellAll);

  return {
    renewEveryMs,
    async take(key, unrepeatable) {
      const known = board.read(key);
      if (known !== undefined) return { kind: 'done', value: known };
      const isUnsettled = unrepeatable !== undefined && clock.monotonic() < settledAt;
      // A server that takes no writes is read all the same.
      if (isUnsettled || link.problem() !== undefined) {
        const value = await look(key);
        if (value !== null) return { kind: 'done', value };
        if (isUnsettled) return { kind: 'taken' };
      }
      return ask(key, unrepeatable);
    },
    async renew(key, holder) {
      const { lock } = placeOf(nameOf(key));
      await link.write((redis) => redis.eval(renewScript, 1, lock, holder, leaseMs)).catch(() => {});
    },
    async post(key, posted, holder) {
      running.delete(key);
      await outbox.post(key, posted, holder);
    },
    async release(key, holder) {
      running.delete(key);
      await giveBack(key, holder);
    },
    onEnd: (key, callback) => listeners.on(nameOf(key), callback),
    flush: outbox.flush,
  };
}
