import { createHash } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema/index.ts';
import type { Keep } from '../../holdings.ts';
import type { Emit } from '../../observe/events.ts';
import type { Revocations } from '../revocations.ts';
import { createHeld, type Held } from './held.ts';
import { createLocalPlace } from './local.ts';
import { gatewayNameVariable } from './messages.ts';
import type { PrimaryCalls } from './primary-calls.ts';
import { createRedisPlace } from './redis.ts';
import type { Place } from './shared.ts';
import { createSiblings } from './siblings.ts';
import { createWorkerPlace, holdOfPrimary } from './worker.ts';

export interface PlaceNeeds {
  keep: Keep;
  revocations: Revocations;
  /** A worker's line to its primary process. */
  primary: PrimaryCalls | undefined;
  /** The authorities of `redis.ca`, PEM: what the file holds is read once for a plan, not again for each connection. */
  redisCa: string | undefined;
  emit: Emit;
  clock: Clock;
}

type SessionConfig = Config['session'];
type OpenPlace = (config: SessionConfig, needs: PlaceNeeds & { held: Held }) => Place;

/** Sessions need no place of their own, yet instances may share the rest. */
const openBesideCookies: OpenPlace = (config, needs) => {
  if (config.redis.url !== undefined) return openRedis(config, needs);
  const { keep, held, primary, clock } = needs;
  const close = (place: Place) => place.close();
  if (primary) return keep('place', 'primary process', () => createWorkerPlace(primary, held), close);
  return keep('place', 'this process', () => createLocalPlace(held, clock), close);
};

const openRedis: OpenPlace = ({ store, redis }, needs) => {
  const { keep, held, primary, redisCa: ca, emit, clock } = needs;
  const url = store.kind === 'redis' ? store.url : redis.url;
  if (url === undefined) throw new Error('there is no address of Redis');
  const { keyPrefix, timeout, bridge } = redis;
  const gateway = primary && process.env[gatewayNameVariable];
  // Of the address a digest, since it may hold a password; of the authorities what they are, not where.
  const key = createHash('sha256')
    .update(JSON.stringify([url, keyPrefix, timeout, ca, bridge]))
    .digest('base64url');
  const settings = { url, keyPrefix, ca, timeout, bridge, gateway };
  const holdOfOthers = async () => {
    if (primary) await holdOfPrimary(primary, held);
  };
  // Taken by each plan, so that it lasts as long as the place does.
  const siblings =
    primary &&
    keep(
      'siblings',
      'this process',
      () => createSiblings(primary, held),
      ({ close }) => close(),
    );
  return keep(
    'place',
    `redis ${key}`,
    () =>
      createRedisPlace(settings, {
        ...{ held, holdOfOthers, emit, clock },
        ...(siblings && { tellSiblings: siblings.revoked }),
      }),
    (place) => place.close(),
  );
};

/** What each kind of session store has in common with other processes. A new store is a file and a line here. */
const places: Record<SessionConfig['store']['kind'], OpenPlace> = {
  cookie: openBesideCookies,
  memory: openBesideCookies,
  redis: openRedis,
};

/** Opens the place that the configuration names, or gives the one that is open. */
export function openPlace(config: SessionConfig, needs: PlaceNeeds): Place {
  const { keep, revocations, clock } = needs;
  // Each plan takes it, also one that finds its place open.
  const held = keep('held', 'this process', () => createHeld(revocations, clock));
  return places[config.store.kind](config, { ...needs, held });
}
