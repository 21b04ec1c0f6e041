import { createHash, randomBytes } from 'node:crypto';
import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { Emit } from '../../observe/events.ts';
import { type Begun, type Held, inBatches } from './held.ts';
import { createEndListeners } from './listeners.ts';
import type { RedisChannel } from './redis-channel.ts';
import type { RedisLink } from './redis-link.ts';
import { createOutbox, type Letter, type Outbox } from './redis-outbox.ts';
import { markScript, postScript, releaseScript, renewScript, takeScript } from './redis-scripts.ts';
import type { Taken, Turns, Unrepeatable } from './shared.ts';

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

export interface RedisTurns extends Turns, Pick<Outbox, 'pass' | 'passAll'> {
  /** Writes down what was begun by way of another place, or takes that back. Never rejects. */
  passBegun(key: string, begun: Begun): Promise<void>;
  passReleased(key: string, holder: string): Promise<void>;
  /** Writes what could not be written, for so long at the most. */
  flush(withinMs: number): Promise<void>;
}

export interface RedisTurnsNeeds {
  link: RedisLink;
  channel: RedisChannel;
  keyPrefix: string;
  /** What was done in this process stays known here, should Redis go away in the middle of it. */
  held: Pick<Held, 'board' | 'begun'>;
  onBegun(key: string, begun: Begun): void;
  /**
   * The name of the process that keeps the answers of its workers: what one of them began, another may go on with.
   * Unset where this process works alone.
   */
  gateway: string | undefined;
  emit: Emit;
  clock: Clock;
}

/** Turns among instances. Each command is one script, so that nobody sees half of it. */
export function createRedisTurns(needs: RedisTurnsNeeds): RedisTurns {
  const { link, channel, keyPrefix, clock } = needs;
  const { board, begun } = needs.held;
  const listeners = createEndListeners();
  const places = createPlaces(keyPrefix);
  const commands = createCommands(needs, places);
  const outbox = createOutbox({ ...needs, board, write: commands.write });
  let settledAt = 0;

  link.onBack(({ isFirst }) => {
    if (!isFirst) settledAt = clock.monotonic() + settleMs;
    outbox.writeAgain();
    void commands.mend();
  });
  channel.on(places.endChannel, (name) => listeners.tell(name));
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
        const value = await commands.look(key);
        if (value !== null) return { kind: 'done', value };
        if (isUnsettled) return { kind: 'taken' };
      }
      return commands.take(key, unrepeatable);
    },
    renew: commands.renew,
    async post(key, posted, holder) {
      begun.delete(key);
      await outbox.post(key, posted, holder);
    },
    async release(key, holder) {
      begun.delete(key);
      await commands.release(key, holder);
    },
    onEnd: (key, callback) => listeners.on(places.nameOf(key), callback),
    pass: outbox.pass,
    async passAll() {
      await outbox.passAll();
      await commands.markAll();
    },
    passBegun: commands.markBegun,
    passReleased: commands.release,
    flush: outbox.flush,
  };
}

/** Where a turn is kept: its keys are in one slot of a Redis Cluster; redis-scripts.ts says what they hold. */
function createPlaces(keyPrefix: string) {
  // A digest, so that a dump tells nobody's.
  const nameOf = (key: string) => createHash('sha256').update(key).digest('base64url');
  return {
    nameOf,
    endChannel: `${keyPrefix}turns`,
    keysOf(key: string) {
      const base = `${keyPrefix}turn:{${nameOf(key)}}`;
      const lock = `${base}:lock`;
      const sent = `${base}:sent`;
      const underway = `${base}:underway`;
      const done = `${base}:done`;
      const mark = `${base}:mark`;
      return { lock, sent, underway, done, mark, all: [lock, sent, underway, done, mark, `${base}:past`] };
    },
  };
}

type Places = ReturnType<typeof createPlaces>;

/** The commands, and what is to be set right of them when Redis is back. */
function createCommands({ link, gateway, held: { begun }, onBegun }: RedisTurnsNeeds, places: Places) {
  const me = randomBytes(12).toString('base64url');
  const send = createSenders(link, places);
  /**
   * Turns that were to be taken here when Redis went away. They were not: yet Redis may read so when it comes back, and
   * others would wait for an answer that nobody has.
   */
  const unsure = createBounded<string, string>({ entries: mostUnsure, givesWay: 'newcomer' });
  const doubt = (key: string, holder: string) => unsure.set(key, holder);
  const markBegun = async (key: string, { holder, forMs }: Begun) => {
    // It may have been told of meanwhile.
    if (begun.get(key)?.holder === holder) await send.mark(key, holder, forMs).catch(() => {});
  };
  const markAll = () => inBatches(begun, ([key, work]) => markBegun(key, work));
  const release = (key: string, holder: string) => send.release(key, holder).catch(() => doubt(key, holder));

  return {
    ...send,
    release,
    markBegun,
    markAll,
    async take(key: string, unrepeatable: Unrepeatable | undefined): Promise<Taken> {
      const resumable = unrepeatable?.heldBy === 'gateway' ? gateway : undefined;
      const doubted = unsure.get(key);
      // From here on it is wanted again: what mends meanwhile must not take it back.
      unsure.delete(key);
      const holder = doubted ?? `${resumable ?? me} ${randomBytes(12).toString('base64url')}`;
      const forMs = unrepeatable ? Math.ceil(unrepeatable.forMs) : 0;
      const wasIn = link.problem() === undefined;
      const taken = await send
        .take(key, holder, forMs, resumable === undefined ? '' : `${resumable} `)
        .catch((error: unknown) => {
          if (wasIn || doubted !== undefined) doubt(key, holder);
          throw error;
        });
      if (taken.kind === 'yours' && unrepeatable) {
        begun.set(key, { holder, forMs });
        onBegun(key, { holder, forMs });
      }
      return taken;
    },
    /** The server is back: what it may have read wrongly is taken back, and what it may have forgotten is written again. */
    async mend() {
      for (const [key, holder] of [...unsure]) {
        if (unsure.get(key) !== holder) continue;
        unsure.delete(key);
        await release(key, holder);
      }
      await markAll();
    },
  };
}

/** The commands as they are sent; redis-scripts.ts says what their arguments are. */
function createSenders(link: RedisLink, { nameOf, endChannel, keysOf }: Places) {
  return {
    /**
     * The mark is read before the result, and they are written together: whoever looks while both are being written
     * sees the result, never the mark alone.
     */
    look: (key: string) =>
      link.read(async (redis) => {
        const { mark, done } = keysOf(key);
        const used = await redis.get(mark);
        return (await redis.get(done)) ?? used;
      }, 'turn-look'),
    async take(key: string, holder: string, forMs: number, resumable: string): Promise<Taken> {
      const { all } = keysOf(key);
      const args = [holder, leaseMs, forMs, underWayMs, resumable];
      const [kind, value] = (await link.write(
        (redis) => redis.eval(takeScript, all.length, ...all, ...args),
        'turn-take',
      )) as [Taken['kind'], string | undefined | null];
      if (kind === 'done') return { kind, value: value ?? '' };
      return kind === 'yours' ? { kind, holder, previous: value ?? undefined } : { kind };
    },
    async renew(key: string, holder: string) {
      const { lock } = keysOf(key);
      const renewing = link.write((redis) => redis.eval(renewScript, 1, lock, holder, leaseMs), 'turn-renew');
      await renewing.catch(() => {});
    },
    release(key: string, holder: string) {
      const { lock, sent, underway } = keysOf(key);
      const args = [holder, endChannel, nameOf(key)];
      return link.read(async (redis) => {
        await redis.eval(releaseScript, 3, lock, sent, underway, ...args);
      }, 'turn-release');
    },
    mark(key: string, holder: string, forMs: number) {
      const { sent, underway } = keysOf(key);
      const args = [sent, underway, holder, underWayMs, forMs];
      return link.write((redis) => redis.eval(markScript, 2, ...args), 'turn-mark');
    },
    write(key: string, { posted, holder, isAgain }: Letter, ageMs: number) {
      const { value, afterwards, rememberMs = 0 } = posted;
      const left = posted.lingerMs - ageMs;
      const lasting = (ms: number) => Math.max(0, Math.ceil(ms));
      const { all } = keysOf(key);
      const args = [
        holder ?? '',
        value,
        lasting(left),
        afterwards?.value ?? '',
        afterwards ? lasting(left + afterwards.forMs) : 0,
        rememberMs > 0 ? lasting(left + rememberMs) : 0,
        endChannel,
        nameOf(key),
        isAgain ? '1' : '',
      ];
      return link.write((redis) => redis.eval(postScript, all.length, ...all, ...args), 'turn-post');
    },
  };
}
