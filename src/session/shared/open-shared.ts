import { within } from '../../clock.ts';
import type { Config } from '../../config/schema/index.ts';
import { createOnce } from './once.ts';
import { openPlace, type PlaceNeeds } from './places.ts';
import type { Place, Shared } from './shared.ts';
import { createSingleFlight } from './single-flight.ts';

export interface OpenedShared {
  place: Place;
  shared: Shared;
  /** Waits for what is under way, and for its being written, but no longer than this. */
  finish(withinMs: number): Promise<void>;
}

/** Opens what the processes have in common, above the place that the configuration names. */
export function openShared(config: Config['session'], needs: PlaceNeeds): OpenedShared {
  const { keep, clock } = needs;
  const place = openPlace(config, needs);
  // Of this process and not of the place: the same refresh token may be asked for by two plans with different places.
  const flights = keep('flights', 'this process', () => createSingleFlight<string>());
  return {
    place,
    shared: { ...createOnce({ turns: place.turns, flights, clock }), claim: place.claims.claim },
    async finish(withinMs) {
      const end = clock.monotonic() + withinMs;
      await within(clock, withinMs, flights.ended());
      await place.flush(Math.max(0, end - clock.monotonic()));
    },
  };
}
