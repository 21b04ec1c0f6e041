import type { Clock } from '../../src/clock.ts';
import type { Emit } from '../../src/observe/events.ts';
import { createRevocations, type Revocations } from '../../src/session/revocations.ts';
import { createHeld } from '../../src/session/shared/held.ts';
import { createLocalPlace } from '../../src/session/shared/local.ts';
import { createOnce } from '../../src/session/shared/once.ts';
import { createRedisPlace } from '../../src/session/shared/redis.ts';
import type { Place, Shared } from '../../src/session/shared/shared.ts';
import { createSingleFlight } from '../../src/session/shared/single-flight.ts';
import { unobserved } from './observe.ts';

/** A process of the gateway, as far as it shares things with others. */
export interface SharingProcess extends Shared {
  place: Place;
  revocations: Revocations;
}

/** What stands above any place. */
export function aboveOf(place: Place, revocations: Revocations, clock: Clock): SharingProcess {
  const flights = createSingleFlight<string>();
  const once = createOnce({ turns: place.turns, flights, clock });
  return { ...once, claim: place.claims.claim, place, revocations };
}

export function shareLocally(clock: Clock): SharingProcess {
  const revocations = createRevocations(clock);
  return aboveOf(createLocalPlace(createHeld(revocations, clock), clock), revocations, clock);
}

export interface RedisSharing {
  url: string;
  timeout?: number;
  gateway?: string;
  bridge?: number;
  emit?: Emit;
}

export function shareInRedis(options: RedisSharing, clock: Clock): SharingProcess {
  const { url, timeout = 5000, gateway, bridge = 0, emit = unobserved.emit } = options;
  const revocations = createRevocations(clock);
  const settings = { url, keyPrefix: 'test:', ca: undefined, timeout, bridge, gateway };
  const needs = { held: createHeld(revocations, clock), emit, clock };
  return aboveOf(createRedisPlace(settings, needs), revocations, clock);
}
