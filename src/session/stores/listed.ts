import { createHash } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { KeyRing, SealingKey } from '../key-ring.ts';
import { type Identify, meantBy, type NameOf, namesOf } from '../person-names.ts';
import { openListing, type PlacedSession, type SessionForm, sealListing } from '../sealed-session.ts';
import { secretName } from '../secret-name.ts';
import type { Session } from '../session.ts';
import type { Place } from '../shared/shared.ts';

/** A session as it is listed: without its tokens, and without claims but those that say who it is. */
export type ListedEntry = PlacedSession;

/**
 * The list of the sessions in a table, by person. The sessions themselves open for nobody but their cookies. To write
 * the list never rejects: it is for those who run the gateway, and must not be in the way of those who use it.
 */
export interface Listed {
  began(place: string, session: Session): Promise<void>;
  /** @param isWhole also what stands already is written: what was lost of the list, or was found by an older secret */
  changed(place: string, before: Session, session: Session, isWhole: boolean): Promise<void>;
  ended(place: string, session: Session): Promise<void>;
  /** Those of a person, of whom there may be thousands: requests go on in between. Throws GatewayError 503. */
  find(person: string): AsyncIterable<ListedEntry>;
  /** Rejects with GatewayError 503. */
  get(id: string): Promise<ListedEntry | undefined>;
  /** Takes a session out of the table. Rejects with GatewayError 503. */
  remove(entry: ListedEntry): Promise<void>;
}

export interface ListedNeeds {
  place: Pick<Place, 'sessions' | 'listings'>;
  ring: KeyRing;
  identify: Identify;
  clock: Pick<Clock, 'now'>;
  /** That listings are written in. */
  form: SessionForm;
}

export function createListed(needs: ListedNeeds): Listed {
  const { ring, identify, clock, form } = needs;
  const { sessions, listings } = needs.place;
  const [firstKey] = ring.people;
  const under = (key: SealingKey, names: readonly NameOf[]) =>
    names.map((name) => secretName(key, ['listed', ...name]));
  /** Under an older secret, too. */
  const underAll = (names: readonly NameOf[]) => ring.people.flatMap((key) => under(key, names));

  const put = async (place: string, session: Session, before: readonly string[], isWhole: boolean) => {
    const name = listingName(session.id);
    const ttlSeconds = Math.max(1, Math.ceil(session.expiresAt) - Math.floor(clock.now() / 1000));
    const value = sealListing(form, { place, session: stripped(session, identify) }, ring.listed[0], name);
    if (value === undefined) return;
    const keys = under(firstKey, namesOf(identify(session)));
    const added = isWhole ? keys : keys.filter((key) => !before.includes(key));
    const gone = before.filter((key) => !keys.includes(key));
    await listings.put({ name, place, value, under: keys, ttlSeconds }, { added, gone }).catch(ignored);
  };
  const entryOf = (name: string, value: string | undefined): ListedEntry[] => {
    const entry = value === undefined ? undefined : openListing(value, ring.listed, name);
    return entry ? [entry] : [];
  };
  const withdraw = (place: string, session: Session) =>
    listings.remove({ name: listingName(session.id), place, under: underAll(namesOf(identify(session))) });

  return {
    began: (place, session) => put(place, session, [], true),
    changed(place, before, session, isWhole) {
      const names = namesOf(identify(before));
      return put(place, session, isWhole ? underAll(names) : under(firstKey, names), isWhole);
    },
    ended: (place, session) => withdraw(place, session).catch(ignored),
    async *find(person) {
      const names = meantBy(person);
      if (names.length === 0) return;
      const found = await listings.under(underAll(names));
      for (const [index, [name, value]] of found.entries()) {
        if (index % breath === breath - 1) await new Promise((resolve) => setImmediate(resolve));
        yield* entryOf(name, value);
      }
    },
    async get(id) {
      const name = listingName(id);
      return entryOf(name, await listings.get(name))[0];
    },
    async remove({ place, session }) {
      await Promise.all([sessions.delete(place), withdraw(place, session)]);
    },
  };
}

/** Opening so many takes a few milliseconds. */
const breath = 100;

/** The link names an outage, and what Redis refuses. */
const ignored = () => {};

/** Ids are random: nobody finds one by trying. It does not follow from a secret, so that it lasts when that is replaced. */
function listingName(id: string): string {
  return createHash('sha256').update('sallyport/v1/listed').update(id).digest('base64url');
}

/** What remains says who it is, from when to when, and whether it could be refreshed. */
function stripped(session: Session, identify: Identify): Session {
  return {
    ...session,
    claims: identify(session).claims,
    fetchedClaims: [],
    claimsRefreshAt: undefined,
    accessToken: '',
    refreshAt: undefined,
    refreshToken: session.refreshToken === undefined ? undefined : '',
    dpopKey: undefined,
    idToken: undefined,
  };
}
