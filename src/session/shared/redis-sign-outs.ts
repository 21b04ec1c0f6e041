import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { Emit } from '../../observe/events.ts';
import { mostEntries, type Revocation, type Revocations } from '../revocations.ts';
import { createAgain } from './again.ts';
import { inBatches } from './held.ts';
import { createRecent } from './recent.ts';
import type { RedisChannel } from './redis-channel.ts';
import type { RedisLink } from './redis-link.ts';
import { type Bus, storeUnavailable } from './shared.ts';

/**
 * A list that could not be read is read again after this, and then after twice as long each time: of a cluster one node may
 * be reached a moment later than the others, and nobody is served before.
 */
const firstPauseMs = 50;
const longestPauseMs = 5000;
/** Sign-outs that wait for Redis to come back, or may have to be told again, at the most. */
const mostUnsent = 10_000;

/** The sign-outs of all instances. */
export interface RedisSignOuts extends Bus {
  /** Resolves when the sign-outs are known for the first time. */
  known: Promise<void>;
  /** Writes what was done by way of another place. */
  pass(revocation: Revocation): void;
  /** Writes everything that this process knows. Rejects with GatewayError 503. */
  passAll(): Promise<void>;
  /** Writes what could not be written, once. */
  flush(): Promise<void>;
}

export interface RedisSignOutsNeeds {
  link: RedisLink;
  channel: RedisChannel;
  keyPrefix: string;
  revocations: Revocations;
  emit: Emit;
  clock: Clock;
}

/** A list that is read at the start and after every outage, and a channel for those that listen. */
export function createRedisSignOuts(needs: RedisSignOutsNeeds): RedisSignOuts {
  const { link, channel, keyPrefix, revocations } = needs;
  const channelName = `${keyPrefix}revoked`;
  const listOf = (proven: boolean) => `${keyPrefix}revocations:${proven ? 'proven' : 'claimed'}`;
  const list = createList(needs, listOf);
  const outgoing = createOutgoing(needs, listOf, channelName);

  channel.on(channelName, list.read);
  channel.onListening(list.load);
  // Nobody tells of what is new then.
  channel.onDeaf(list.load);
  link.onBack(() => {
    // Where the channel is made anew it is read once more.
    list.load();
    outgoing.doubtRecent();
    void outgoing.flush();
  });

  return {
    async publish(revocation) {
      revocations.add(revocation);
      try {
        await outgoing.send(revocation);
      } catch (error) {
        outgoing.sendLater([revocation]);
        throw error;
      }
    },
    knowsSignOuts: list.isKnown,
    known: list.known,
    pass(revocation) {
      outgoing.sendLater([revocation]);
      void outgoing.flush();
    },
    passAll: () => inBatches(revocations.all(), outgoing.send),
    flush: outgoing.flush,
  };
}

type ListOf = (proven: boolean) => string;

/** Reads what others have written. */
function createList({ link, channel, revocations, emit, clock }: RedisSignOutsNeeds, listOf: ListOf) {
  let isKnown = false;
  /** The last time that it was asked for. */
  let asked = 0;
  let isNamed = false;
  let pauseMs = firstPauseMs;
  let tellKnown = () => {};
  const known = new Promise<void>((resolve) => {
    tellKnown = resolve;
  });
  const read = (text: string) => {
    const revocation = revocationOf(text);
    if (revocation) revocations.add(revocation);
  };
  const readAll = async () => {
    const wasListening = channel.isListening();
    const now = Math.floor(clock.now() / 1000);
    for (const list of [listOf(true), listOf(false)]) {
      for (const text of await link.read((redis) => redis.zrangebyscore(list, now, '+inf'), 'sign-outs'))
        read(text);
    }
    isNamed = false;
    pauseMs = firstPauseMs;
    // Of those that came between the list and the first word on the channel nobody has told yet.
    if (!wasListening) return;
    isKnown = true;
    tellKnown();
  };
  const load = () => {
    asked += 1;
    const mine = asked;
    void readAll().catch((error: unknown) => again(error, mine));
  };
  const again = (error: unknown, mine: number) => {
    // An outage is named by the link, and is over with a call.
    if (link.problem() === undefined && !isNamed) {
      emit({ kind: 'sign-outs-not-loaded', error });
      isNamed = true;
    }
    clock
      .after(pauseMs, () => {
        if (asked === mine && link.canRead()) load();
      })
      .unref();
    pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
  };
  return { load, read, known, isKnown: () => isKnown };
}

/** Undefined for what is none: whoever else writes there must not end this process. */
function revocationOf(text: string): Revocation | undefined {
  try {
    const { key, before, until, proven } = (JSON.parse(text) ?? {}) as Partial<Revocation>;
    const isOne = typeof key === 'string' && Number.isFinite(before) && Number.isFinite(until);
    return isOne ? ({ key, before, until, proven: proven === true } as Revocation) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes what this process has to tell. */
function createOutgoing({ link, clock }: RedisSignOutsNeeds, listOf: ListOf, channelName: string) {
  /** What could not be written yet; it is known here all the same. */
  const unsent = createBounded<Revocation, true>({ entries: mostUnsent });
  const recent = createRecent<Revocation, true>(link, unsent, mostUnsent);
  const wait = (revocation: Revocation) => {
    if (!unsent.has(revocation)) unsent.set(revocation, true);
  };

  const sent = (revocation: Revocation) => {
    unsent.delete(revocation);
    recent.add(revocation, true, clock.monotonic());
  };

  const send = async (revocation: Revocation) => {
    const text = JSON.stringify(revocation);
    const list = listOf(revocation.proven);
    const written = link.write(async (redis) => {
      await redis.zadd(list, revocation.until, text);
      // What is over goes, and of too many those that are over soonest: sign-outs must not fill Redis.
      await redis.zremrangebyscore(list, '-inf', Math.floor(clock.now() / 1000));
      await redis.zremrangebyrank(list, 0, -mostEntries[revocation.proven ? 'proven' : 'claimed'] - 1);
    }, 'sign-outs');
    // A server without room for the list still tells those that listen.
    const told = link.read((redis) => redis.publish(channelName, text), 'sign-outs');
    const [writing, telling] = await Promise.allSettled([written, told]);
    if (writing.status === 'rejected' || telling.status === 'rejected') {
      throw storeUnavailable(new Error('the sign-out could not be shared with other instances yet'));
    }
    sent(revocation);
  };

  const flush = async () => {
    for (const [revocation] of [...unsent]) await send(revocation).catch(() => {});
  };
  const later = createAgain(clock, async () => {
    await flush();
    return unsent.size === 0;
  });

  return {
    send,
    sendLater(revocations: Iterable<Revocation>) {
      for (const revocation of revocations) wait(revocation);
      later();
    },
    doubtRecent: () => recent.doubt(wait),
    flush,
  };
}
