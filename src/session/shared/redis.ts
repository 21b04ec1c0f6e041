import { createHash } from 'node:crypto';
import type { Logger } from '../../observe/log.ts';
import type { Revocations } from '../revocations.ts';
import type { RedisSettings } from './redis-client.ts';
import { createRedisLink } from './redis-link.ts';
import { createRedisSignOuts } from './redis-sign-outs.ts';
import { createRedisTurns } from './redis-turns.ts';
import type { ClaimDesk, Shared } from './shared.ts';

export interface RedisSharedOptions extends RedisSettings {
  keyPrefix: string;
  /** The name of the process that keeps what its workers have under way; unset where this one works alone. */
  gateway?: string | undefined;
}

/** What instances share, in Redis or Valkey. Names in keys are digests, so that a dump tells nobody's. */
export function createRedisShared(
  options: RedisSharedOptions,
  revocations: Revocations,
  log: Logger,
): Shared & ClaimDesk {
  const { keyPrefix, gateway } = options;
  const keyOf = (kind: string, name: string) =>
    `${keyPrefix}${kind}:${createHash('sha256').update(name).digest('base64url')}`;
  const link = createRedisLink(options, log);
  const signOuts = createRedisSignOuts({ link, settings: options, revocations, log });
  const turns = createRedisTurns({ link, keyOf, log, gateway });
  const placeOf = (id: string) => `${keyPrefix}session:${id}`;

  return {
    once: turns.once,
    settle: turns.settle,
    // One command does both, so that of two instances one is first.
    claim: (name, forMs) =>
      link.write(async (redis) => (await redis.set(keyOf('claim', name), '1', 'PX', forMs, 'NX')) !== null),
    sessions: {
      get: (id) => link.read(async (redis) => (await redis.get(placeOf(id))) ?? undefined),
      set: (id, value, ttlSeconds) =>
        link.write(async (redis) => {
          await redis.set(placeOf(id), value, 'EX', ttlSeconds);
        }),
      delete: (id) =>
        link.read(async (redis) => {
          await redis.del(placeOf(id));
        }),
    },
    publish: signOuts.publish,
    knowsSignOuts: signOuts.isKnown,
    problem: () => link.problem() ?? (signOuts.isKnown() ? undefined : 'the sign-outs were not loaded yet'),
    async close(withinMs = 0) {
      await turns.close(withinMs);
      if (withinMs > 0) await signOuts.flush();
      signOuts.close();
      link.close();
    },
  };
}
