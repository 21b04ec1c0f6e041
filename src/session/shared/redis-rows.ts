import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import {
  createKnownRows,
  type Era,
  type KnownRow,
  type KnownRows,
  unproven,
  type Watch,
} from './known-rows.ts';
import type { RedisChannel } from './redis-channel.ts';
import { createEnds } from './redis-ends.ts';
import type { RedisLink } from './redis-link.ts';
import type { SessionTable } from './shared.ts';

/** A row is asked for again beside the requests that use it after this, and before the request after that. */
const freshMs = 5000;
const longestMs = 10_000;
/** A channel that has carried nothing for so long may be dead: what it would have told is not known. */
const trustMs = 3000;
/**
 * The clock that times are measured by may stand still while the machine sleeps, and the time of day then leaps. What was
 * told meanwhile has not arrived.
 */
const leapMs = 500;

/**
 * A script changes a row and publishes its name in the same step, so that no process can end between the two. A process
 * that cannot publish does not see its own pulse either, and remembers nothing.
 * KEYS the row; ARGV channel, what is told, value and its seconds.
 */
const setScript = `
redis.call('set', KEYS[1], ARGV[3], 'EX', ARGV[4])
redis.pcall('publish', ARGV[1], ARGV[2])
return 1`;

/** The same where what stands there has this digest. */
const replaceScript = `
local was = redis.call('get', KEYS[1])
if not was or redis.sha1hex(was) ~= ARGV[5] then return 0 end
${setScript}`;

/** KEYS the row; ARGV channel, what is told. */
const deleteScript = `
redis.call('del', KEYS[1])
redis.pcall('publish', ARGV[1], ARGV[2])
return 1`;

export interface RedisRowsNeeds {
  link: RedisLink;
  channel: RedisChannel;
  keyPrefix: string;
  /** Milliseconds for which rows that are known go on while Redis is out. */
  bridge: number;
  clock: Pick<Clock, 'monotonic' | 'now' | 'after'>;
}

export interface RedisRows extends SessionTable {
  /** Writes the ends that could not be written. Never rejects. */
  flush(): Promise<void>;
}

/**
 * The table of sessions in Redis, of which this process remembers what it has read for a moment. Every change is told
 * to all of them, so that a request asks Redis only for what is not known, or not known any more.
 */
export function createRedisRows(needs: RedisRowsNeeds): RedisRows {
  const { link, channel, keyPrefix, bridge, clock } = needs;
  const known = createKnownRows();
  const me = randomBytes(9).toString('base64url');
  const channelName = `${keyPrefix}rows`;
  const told = (id: string) => `${me} ${id}`;
  channel.on(channelName, (text) => {
    const blank = text.indexOf(' ');
    if (text.slice(0, blank) !== me) known.forget(text.slice(blank + 1));
  });
  const eras = followEras(needs, known);

  const commands = createCommands(needs, channelName, told);
  const ask = createAsking(known, commands.get, clock);
  const change = createChanging(known, link, clock);
  const ends = createEnds(commands.delete, clock);
  link.onBack(() => void ends.flush());

  const canBridge = ({ era }: KnownRow) =>
    !link.canRead() && era === eras.lastProven() && clock.monotonic() - era.provenAt <= bridge;
  const askOrBridge = (id: string) =>
    ask(id).catch((error: unknown) => {
      // Looked at now: it may have been forgotten meanwhile.
      const row = known.get(id);
      if (row && canBridge(row)) return row.value;
      throw error;
    });

  return {
    get(id) {
      if (ends.areOwed(id)) return undefined;
      const row = known.get(id);
      if (row === undefined || row.isDoubted || !eras.counts(row.era)) return askOrBridge(id);
      const age = clock.monotonic() - row.at;
      if (age > longestMs) return askOrBridge(id);
      if (age > freshMs) void ask(id).catch(() => {});
      return row.value;
    },
    set: (id, value, ttlSeconds) =>
      change(id, async () => {
        if (ends.areOwed(id)) return undefined;
        await commands.set(id, value, ttlSeconds);
        return value;
      }),
    async replace(id, was, value, ttlSeconds) {
      let isDone = false;
      await change(id, async () => {
        isDone = !ends.areOwed(id) && (await commands.replace(id, was, value, ttlSeconds));
        return isDone ? value : undefined;
      });
      return isDone;
    },
    async delete(id) {
      // Gone at once and whatever comes of it: what was to end is not served from memory.
      known.forget(id);
      await ends.end(id).finally(() => known.forget(id));
    },
    flush: ends.flush,
  };
}

/**
 * Each connection of the channel is an era of its own, and so is each server: what is known of one counts for that one
 * alone.
 */
function followEras({ link, channel, bridge, clock }: RedisRowsNeeds, known: KnownRows) {
  let era = unproven();
  let lastProven: Era | undefined;
  let beganAt = 0;
  const begin = () => {
    era = unproven();
    beganAt = clock.monotonic();
    known.beginEra(era);
    if (bridge === 0) known.clear();
  };
  begin();
  channel.onListening(begin);
  channel.onLost(begin);
  link.onBack(begin);
  channel.onPulse((sentAt, ahead) => {
    // One from before says nothing of the server that is asked now.
    if (sentAt < beganAt) return;
    era.provenAt = sentAt;
    era.ahead = ahead;
    lastProven = era;
  });
  return {
    /** Whether what is known of an era counts now. */
    counts(of: Era) {
      const now = clock.monotonic();
      const hasLeapt = Math.abs(clock.now() - now - era.ahead) > leapMs;
      return of === era && link.canRead() && now - era.provenAt <= trustMs && !hasLeapt;
    },
    /** Between it and those before it changes were missed, of which nobody will tell any more. */
    lastProven: () => lastProven,
  };
}

/** Those who ask for one row at the same time ask once; but not by a question from before a change. */
function createAsking(
  known: KnownRows,
  get: (id: string) => Promise<string | undefined>,
  clock: Pick<Clock, 'monotonic'>,
) {
  const underWay = new Map<string, { watch: Watch; reading: Promise<string | undefined> }>();
  return (id: string): Promise<string | undefined> => {
    const other = underWay.get(id);
    if (other && !other.watch.isOld) return other.reading;
    const watch = known.watch(id, clock.monotonic());
    const read = async () => {
      let value: string | undefined;
      try {
        value = await get(id);
      } catch (error) {
        // What was known stays: it is used where nothing better can be had.
        watch.isOld = true;
        throw error;
      } finally {
        if (underWay.get(id)?.watch === watch) underWay.delete(id);
        known.end(watch, value);
      }
      return value;
    };
    const reading = read();
    underWay.set(id, { watch, reading });
    return reading;
  };
}

/** What is known during a change is of before it. What comes of it is known then, unless somebody else changed it too. */
function createChanging(known: KnownRows, link: RedisLink, clock: Pick<Clock, 'monotonic'>) {
  return async (id: string, work: () => Promise<string | undefined>): Promise<void> => {
    if (!link.canRead()) return void (await work());
    const watch = known.watch(id, clock.monotonic());
    known.doubt(id, watch);
    let value: string | undefined;
    try {
      value = await work();
      if (value === undefined) known.forget(id, watch);
    } catch (error) {
      // Nobody knows whether it was done.
      watch.isOld = true;
      throw error;
    } finally {
      known.doubt(id, watch);
      known.end(watch, value);
    }
  };
}

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

/** The commands as they are sent. */
function createCommands(
  { link, keyPrefix }: RedisRowsNeeds,
  channelName: string,
  told: (id: string) => string,
) {
  const placeOf = (id: string) => `${keyPrefix}session:${id}`;
  return {
    get: (id: string) =>
      link.read(async (redis) => (await redis.get(placeOf(id))) ?? undefined, 'session-get'),
    set: (id: string, value: string, ttlSeconds: number) =>
      link.write(
        (redis) => redis.eval(setScript, 1, placeOf(id), channelName, told(id), value, ttlSeconds),
        'session-set',
      ),
    replace: (id: string, was: string, value: string, ttlSeconds: number) => {
      const args = [placeOf(id), channelName, told(id), value, ttlSeconds, sha1(was)];
      return link.write(
        async (redis) => (await redis.eval(replaceScript, 1, ...args)) === 1,
        'session-touch',
      );
    },
    delete: (id: string) =>
      link.read(async (redis) => {
        await redis.eval(deleteScript, 1, placeOf(id), channelName, told(id));
      }, 'session-delete'),
  };
}
