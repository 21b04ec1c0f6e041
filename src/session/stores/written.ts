import { GatewayError } from '../../errors.ts';
import { type Cookie, parseCookies } from '../cookies.ts';
import type { Found, Maybe } from '../found.ts';
import { isUseLate, type Lifetimes } from '../lifetime.ts';
import type { Session } from '../session.ts';
import { createSingleFlight } from '../shared/single-flight.ts';
import type { Current } from '../standing.ts';
import type { SessionStore } from './store.ts';
import type { NotedUses } from './uses.ts';

/** Parsed, or the header as it came, which is parsed only where something has to be written. */
export type Cookies = readonly Cookie[] | string;

export const parsed = (cookies: Cookies) => (typeof cookies === 'string' ? parseCookies(cookies) : cookies);

export const nothing: readonly string[] = [];

/** Writes a session again, in its cookie or where the store has it. */
export function written(
  store: SessionStore,
  found: Found,
  session: Session,
  cookies: Cookies,
): Maybe<Current> {
  const setCookies = store.update(found, session, parsed(cookies));
  return setCookies instanceof Promise
    ? setCookies.then((lines) => ({ session, setCookies: lines, found }))
    : { session, setCookies, found };
}

/** A session that stands as it is: its cookie goes under the first secret, where it is under another. */
export function resealed(
  store: Pick<SessionStore, 'resealed'>,
  found: Found,
  session: Session,
  cookies: Cookies,
): Current {
  const lines = found.outdatedKey ? store.resealed?.(found, parsed(cookies)) : undefined;
  return { session, setCookies: lines ?? nothing, found };
}

/** Requests with the same cookies get the same new ones for this long. */
const touchLastsSeconds = 5;

/**
 * The last time that each session was written down for nothing but its use. `stale` is all that the answer takes from
 * the cookies of a request: to hold on to a header would be to hold on to whatever came with it.
 */
export type Touches = WeakMap<Found, { at: number; stale: string; current: Current }>;

export interface TouchNeeds {
  store: SessionStore;
  lifetimes: Lifetimes;
  touches: Touches;
  uses: NotedUses;
}

/**
 * Writes down that a session was used. A page asks for many things at once, all with the cookie from before: sealing
 * the new one once is enough.
 */
export function createTouch(needs: TouchNeeds) {
  const { store, lifetimes, touches } = needs;
  const useOnServer = createUseOnServer(needs);
  return (found: Found, cookies: Cookies, now: number): Maybe<Current> => {
    if (store.use && !found.outdatedKey) return useOnServer(found, cookies, now);
    if (store.use && store.resealed) {
      const current = resealed(store, found, found.session, cookies);
      return store.use(found, now).then(
        () => current,
        (error: unknown) => asItIs(found, error) && current,
      );
    }
    const last = touches.get(found);
    const list = parsed(cookies);
    const stale = store.expire(list).join('\n');
    if (last && Math.abs(now - last.at) < touchLastsSeconds && last.stale === stale) return last.current;
    const current = written(store, found, { ...found.session, seenAt: now }, list);
    if (current instanceof Promise) return current.catch((error: unknown) => asItIs(found, error));
    // Who loads nothing but answers that leave them out stays signed in all the same.
    current.canWait = now - found.session.seenAt < lifetimes.idle / 2;
    touches.set(found, { at: now, stale, current });
    return current;
  };
}

/** Others may write the same session at the same time, so often at the most. */
const mostTries = 3;

/** Where no answer has to carry it: noted, or written before the answer by the first request that finds it late. */
function createUseOnServer({ store, lifetimes, uses }: TouchNeeds) {
  const writing = createSingleFlight<void>();
  const write = async (first: Found, cookies: Cookies, now: number) => {
    let found: Found | undefined = first;
    for (let tries = 0; tries < mostTries && found && isUseLate(found.session, lifetimes, now); tries++) {
      if (await store.use?.(found, now)) return;
      found = await store.read(parsed(cookies));
    }
  };
  return (found: Found, cookies: Cookies, now: number): Maybe<Current> => {
    const { session } = found;
    const current = { session, setCookies: nothing, found };
    if (isUseLate(session, lifetimes, now))
      return writing(session.id, () => write(found, cookies, now)).then(
        () => current,
        (error: unknown) => {
          const asFound = asItIs(found, error);
          uses.note(found, now);
          return asFound;
        },
      );
    uses.note(found, now);
    return current;
  };
}

/** A store that can be read and takes nothing new is no reason to refuse a session that is good. */
function asItIs(found: Found, error: unknown): Current {
  if (!(error instanceof GatewayError) || error.code !== 'store_unavailable') throw error;
  return { session: found.session, setCookies: nothing, found };
}
