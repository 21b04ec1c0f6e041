import { createHash } from 'node:crypto';
import { type Clock, within } from '../../clock.ts';
import type { Emit } from '../../observe/events.ts';
import type { Revocation } from '../revocations.ts';
import { createCatchUp } from './catch-up.ts';
import { createRedisCounts } from './counts.ts';
import { type Begun, claimsThrough, type Following, type Held, inBatches } from './held.ts';
import { createRedisChannel } from './redis-channel.ts';
import type { RedisSettings } from './redis-client.ts';
import { deaf } from './redis-faults.ts';
import { handOver } from './redis-hand-over.ts';
import { createRedisLink, type RedisLink } from './redis-link.ts';
import { createRedisListings } from './redis-listings.ts';
import { createRedisRows } from './redis-rows.ts';
import { createRedisSignOuts } from './redis-sign-outs.ts';
import { createRedisTurns } from './redis-turns.ts';
import type { Place, Turns } from './shared.ts';

export interface RedisPlaceSettings extends RedisSettings {
  keyPrefix: string;
  /** Milliseconds for which sessions that are known go on while it is out. */
  bridge: number;
  /** The name of the process that keeps what its workers have under way; unset where this one works alone. */
  gateway: string | undefined;
}

export interface RedisPlaceNeeds {
  held: Held;
  /** Has this process hold what others do that cannot write it themselves. */
  holdOfOthers?: () => Promise<void>;
  /** Tells the other workers of this instance of a sign-out of which Redis tells nobody now. Never rejects. */
  tellSiblings?: (revocation: Revocation) => Promise<void>;
  emit: Emit;
  clock: Clock;
}

/** What is left when nobody needs the place any more is written for so long at the most. */
const lastFlushMs = 2000;

/** What instances share, in Redis or Valkey. Names in keys are digests, so that a dump tells nobody's. */
export function createRedisPlace(settings: RedisPlaceSettings, needs: RedisPlaceNeeds): Place {
  const { held, holdOfOthers = async () => {}, tellSiblings = async () => {}, emit, clock } = needs;
  const { revocations } = held;
  const { keyPrefix, gateway, bridge } = settings;
  const link = createRedisLink(settings, emit, clock);
  const channel = createRedisChannel({ link, settings, clock, emit });
  const signOuts = createRedisSignOuts({ link, channel, keyPrefix, revocations, emit, clock });
  const onBegun = (key: string, begun: Begun) => others.tell((other) => other.begun(key, begun));
  const turns = createRedisTurns({ link, channel, keyPrefix, held, onBegun, gateway, emit, clock });
  const claim = createRedisClaim(link, keyPrefix);
  const others = held.join({
    revoked: signOuts.pass,
    begun: (key, begun) => void turns.passBegun(key, begun),
    posted: (key, posted, holder) => void turns.pass(key, posted, holder),
    released: (key, holder) => void turns.passReleased(key, holder),
    claimed: (name, forMs) => void claim(name, forMs).catch(() => {}),
  });
  const passAll = async () => {
    await holdOfOthers();
    await turns.passAll();
    await signOuts.passAll();
    await inBatches(held.claims.all(), ([name, forMs]) => claim(name, forMs));
  };
  const told = handOver({ link, passAll, clock });
  const sessions = createRedisRows({ link, channel, keyPrefix, bridge, clock });
  const flush: Place['flush'] = async (withinMs) => {
    const rest = Promise.all([signOuts.flush(), sessions.flush()]);
    await Promise.all([turns.flush(withinMs), within(clock, withinMs, rest)]);
  };

  return {
    turns: turnsThrough(turns, others),
    sessions,
    listings: createRedisListings(link, keyPrefix, clock),
    bus: {
      publish: publishThrough(signOuts, others, tellSiblings),
      knowsSignOuts: signOuts.knowsSignOuts,
      catchUp: createCatchUp(clock),
    },
    claims: claimsThrough(held, others, claim),
    counts: createRedisCounts(link, keyPrefix),
    ready: Promise.all([signOuts.known, told]).then(() => undefined),
    trouble: () => link.trouble() ?? (channel.isDeaf() ? deaf : undefined),
    problem: () =>
      link.problem() ?? (signOuts.knowsSignOuts() ? undefined : 'the sign-outs were not loaded yet'),
    flush,
    async close() {
      others.leave();
      await flush(lastFlushMs);
      channel.close();
      link.close();
    },
  };
}

/** The other places of this process are told, and where Redis tells nobody the other workers too. */
function publishThrough(
  { publish }: Pick<Place['bus'], 'publish'>,
  { tell }: Following,
  tellSiblings: (revocation: Revocation) => Promise<void>,
): Place['bus']['publish'] {
  return async (revocation) => {
    tell((other) => other.revoked(revocation));
    try {
      await publish(revocation);
    } catch (error) {
      await tellSiblings(revocation);
      throw error;
    }
  };
}

/** The other places of this process are told what comes of turns here. */
function turnsThrough(turns: Turns, { tell }: Following): Turns {
  return {
    ...turns,
    async post(key, posted, holder) {
      tell((other) => other.posted(key, posted, holder));
      await turns.post(key, posted, holder);
    },
    async release(key, holder) {
      tell((other) => other.released(key, holder));
      await turns.release(key, holder);
    },
  };
}

/** One command does both, so that of two instances one is first. */
function createRedisClaim(link: RedisLink, keyPrefix: string) {
  const placeOf = (name: string) =>
    `${keyPrefix}claim:${createHash('sha256').update(name).digest('base64url')}`;
  return (name: string, forMs: number) =>
    link.write(
      async (redis) => (await redis.set(placeOf(name), '1', 'PX', Math.ceil(forMs), 'NX')) !== null,
      'claim',
    );
}
