import { createHash } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { Emit } from '../../observe/events.ts';
import type { Revocations } from '../revocations.ts';
import type { Board } from './board.ts';
import { createRedisChannel } from './redis-channel.ts';
import type { RedisSettings } from './redis-client.ts';
import { createRedisLink } from './redis-link.ts';
import { createRedisSignOuts } from './redis-sign-outs.ts';
import { createRedisTurns } from './redis-turns.ts';
import type { Place, SessionTable } from './shared.ts';

export interface RedisPlaceSettings extends RedisSettings {
  keyPrefix: string;
  /** The name of the process that keeps what its workers have under way; unset where this one works alone. */
  gateway: string | undefined;
}

export interface RedisPlaceNeeds {
  revocations: Revocations;
  board: Board;
  emit: Emit;
  clock: Clock;
}

/** What instances share, in Redis or Valkey. Names in keys are digests, so that a dump tells nobody's. */
export function createRedisPlace(
  settings: RedisPlaceSettings,
  { revocations, board, emit, clock }: RedisPlaceNeeds,
): Place {
  const { keyPrefix, gateway } = settings;
  const link = createRedisLink(settings, emit, clock);
  const channel = createRedisChannel({
    link,
    settings,
    clock,
    onFailure(error) {
      // An outage is named by the link.
      if (link.problem() === undefined) emit({ kind: 'sign-outs-not-loaded', error });
    },
  });
  const signOuts = createRedisSignOuts({ link, channel, keyPrefix, revocations, emit, clock });
  const turns = createRedisTurns({ link, channel, keyPrefix, board, gateway, emit, clock });
  const sessions = createRedisTable(link, keyPrefix);
  const claimOf = (name: string) =>
    `${keyPrefix}claim:${createHash('sha256').update(name).digest('base64url')}`;

  return {
    turns,
    sessions,
    bus: signOuts,
    claims: {
      // One command does both, so that of two instances one is first.
      claim: (name, forMs) =>
        link.write(async (redis) => (await redis.set(claimOf(name), '1', 'PX', forMs, 'NX')) !== null),
    },
    problem: () =>
      link.problem() ?? (signOuts.knowsSignOuts() ? undefined : 'the sign-outs were not loaded yet'),
    async flush(withinMs) {
      await turns.flush(withinMs);
      await signOuts.flush();
    },
    close() {
      channel.close();
      link.close();
    },
  };
}

function createRedisTable(link: ReturnType<typeof createRedisLink>, keyPrefix: string): SessionTable {
  const placeOf = (id: string) => `${keyPrefix}session:${id}`;
  return {
    get: (id) => link.read(async (redis) => (await redis.get(placeOf(id))) ?? undefined),
    set: (id, value, ttlSeconds) =>
      link.write(async (redis) => {
        await redis.set(placeOf(id), value, 'EX', ttlSeconds);
      }),
    delete: (id) =>
      link.read(async (redis) => {
        await redis.del(placeOf(id));
      }),
  };
}
