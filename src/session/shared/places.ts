import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema/index.ts';
import type { Keep } from '../../holdings.ts';
import type { Emit } from '../../observe/events.ts';
import type { Revocations } from '../revocations.ts';
import { createBoard } from './board.ts';
import { createLocalPlace } from './local.ts';
import { gatewayNameVariable } from './messages.ts';
import type { PrimaryCalls } from './primary-calls.ts';
import { createRedisPlace } from './redis.ts';
import type { Place } from './shared.ts';
import { createWorkerPlace } from './worker.ts';

export interface PlaceNeeds {
  keep: Keep;
  revocations: Revocations;
  /** A worker's line to its primary process. */
  primary: PrimaryCalls | undefined;
  emit: Emit;
  clock: Clock;
}

type SessionConfig = Config['session'];
type OpenPlace = (config: SessionConfig, needs: PlaceNeeds) => Place;

/** What each kind of session store has in common with other processes. A new store is a file and a line here. */
const places: Record<SessionConfig['store']['kind'], OpenPlace> = {
  cookie: openBesideCookies,
  memory: openBesideCookies,
  redis: openRedis,
};

/** Opens the place that the configuration names, or gives the one that is open. */
export function openPlace(config: SessionConfig, needs: PlaceNeeds): Place {
  return places[config.store.kind](config, needs);
}

/** Sessions need no place of their own, yet instances may share the rest. */
function openBesideCookies(config: SessionConfig, needs: PlaceNeeds): Place {
  if (config.redis.url !== undefined) return openRedis(config, needs);
  const { keep, revocations, primary, clock } = needs;
  if (primary)
    return keep(
      'place',
      'primary process',
      () => createWorkerPlace(primary, revocations),
      (place) => place.close(),
    );
  const board = openBoard(needs);
  return keep('place', 'this process', () => createLocalPlace({ revocations, board, clock }));
}

function openRedis({ store, redis }: SessionConfig, needs: PlaceNeeds): Place {
  const { keep, revocations, primary, emit, clock } = needs;
  const url = store.kind === 'redis' ? store.url : redis.url;
  if (url === undefined) throw new Error('there is no address of Redis');
  const { keyPrefix, timeout } = redis;
  const ca = redis.ca === undefined ? undefined : readFileSync(redis.ca, 'utf8');
  const gateway = primary && process.env[gatewayNameVariable];
  // Of the address a digest, since it may hold a password; of the authorities what they are, not where.
  const key = createHash('sha256')
    .update(JSON.stringify([url, keyPrefix, timeout, ca]))
    .digest('base64url');
  const board = openBoard(needs);
  return keep(
    'place',
    `redis ${key}`,
    () =>
      createRedisPlace(
        { url, keyPrefix, ca: redis.ca, timeout, gateway },
        { revocations, board, emit, clock },
      ),
    (place) => place.close(),
  );
}

/**
 * What was done in this process, whatever the place: somebody may come for it when the place is another. Each plan takes
 * it, also one that finds its place open.
 */
function openBoard({ keep, clock }: PlaceNeeds) {
  return keep('board', 'this process', () => createBoard(clock));
}
