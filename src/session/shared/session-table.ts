import { createBounded } from '../../bounded.ts';
import type { Clock } from '../../clock.ts';
import type { Listing, Listings, SessionTable } from './shared.ts';

/** About 400 MB of sessions with tokens; beyond that, or with large ones, those that were longest unused give way. */
const mostSessions = 100_000;
const mostBytes = 512 * 1024 * 1024;
/** What a row takes beside its value: its listing, mostly. */
const rowBytes = 1000;

interface Row {
  value: string;
  until: number;
  listing: Listing | undefined;
}

/**
 * A bounded table in this process. A session that gives way takes its listing along.
 * @param most bytes, for tests
 */
export function createSessionTable(
  { monotonic: now }: Pick<Clock, 'monotonic'>,
  most: number = mostBytes,
): SessionTable & { listings: Listings } {
  const rows = createBounded<string, Row>({
    entries: mostSessions,
    bytes: { most, of: ({ value }) => value.length + rowBytes },
    ends: { at: ({ until }) => until, now },
    givesWay: 'unused',
  });
  // Somebody asks for a listing now and then: to look at all of them then costs less than to keep an order among them.
  const listingsThat = (fits: (listing: Listing) => boolean): Listing[] => {
    const time = now();
    return [...rows.values()].flatMap(({ listing, until }) =>
      listing && until > time && fits(listing) ? [listing] : [],
    );
  };
  const set = (id: string, value: string, ttlSeconds: number) =>
    rows.set(id, { value, until: now() + ttlSeconds * 1000, listing: rows.get(id)?.listing });
  return {
    get: (id) => rows.get(id)?.value,
    async set(id, value, ttlSeconds) {
      set(id, value, ttlSeconds);
    },
    async replace(id, was, value, ttlSeconds) {
      if (rows.get(id)?.value !== was) return false;
      set(id, value, ttlSeconds);
      return true;
    },
    async delete(id) {
      rows.delete(id);
    },
    listings: {
      async put(listing) {
        const row = rows.peek(listing.place);
        if (row) row.listing = listing;
      },
      async under(keys) {
        const wanted = new Set(keys);
        const found = listingsThat(({ under }) => under.some((key) => wanted.has(key)));
        return found.map(({ name, value }) => [name, value]);
      },
      get: async (name) => listingsThat((listing) => listing.name === name)[0]?.value,
      async remove({ place }) {
        const row = rows.peek(place);
        if (row) row.listing = undefined;
      },
    },
  };
}
