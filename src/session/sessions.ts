import type { Clock } from '../clock.ts';
import type { Cookie } from './cookies.ts';
import type { Found, Maybe } from './found.ts';
import {
  isClaimsRefreshDue,
  isOver,
  isRefreshDue,
  isUseNoted,
  type Lifetimes,
  shouldTouch,
} from './lifetime.ts';
import type { Spent } from './outcome.ts';
import { createRenewing, type Renewing, type RenewingNeeds } from './refresh/renewing.ts';
import type { RevocationTarget, SessionRevocations } from './revocation-keys.ts';
import type { Session } from './session.ts';
import { type Bus, storeUnavailable } from './shared/shared.ts';
import type { Current, Standing } from './standing.ts';
import type { NotedUses } from './stores/uses.ts';
import { type Cookies, createTouch, nothing, parsed, type Touches } from './stores/written.ts';

/** The life of sessions: found, kept alive, refreshed, ended. */
export interface Sessions {
  /**
   * The session that a request rides on, with a token that is good; undefined without one. It answers at once
   * where nothing has to be asked. What a session lacks is told; rejects with GatewayError 503 for a store that is
   * out.
   */
  current(cookies: readonly Cookie[]): Maybe<Standing>;
  /** The same for a Cookie header as it came, of which nothing is read where its session is known. */
  currentOf(header: string | undefined): Maybe<Standing>;
  /**
   * Uses the refresh token for something else than the session's own tokens, in turn with its refreshes, and
   * gives the session with what it is from now on; undefined when the provider has ended it. Rejects with
   * GatewayError 503.
   */
  spend(
    current: Current,
    cookies: readonly Cookie[],
    work: (session: Session) => Promise<Spent>,
  ): Promise<Current | undefined>;
  /** The session as it is, expired token or not, as far as the sign-outs are known. Rejects with GatewayError 503 when the store is out. */
  find(cookies: readonly Cookie[]): Promise<Session | undefined>;
  /** The same; undefined also when the store is out. */
  peek(cookies: readonly Cookie[]): Promise<Session | undefined>;
  /**
   * Set-Cookie values that remove a session cookie that opens for nobody: malformed, or sealed with a secret that is
   * no longer known. What opens and is over stays until a login replaces it, since an answer that comes late must not
   * take away the session that another tab has got meanwhile; only what somebody ended is taken away at once.
   */
  unusable(cookies: readonly Cookie[]): readonly string[];
  /** Keeps the session of a fresh login; gives its Set-Cookie values. */
  begin(session: Session, cookies: readonly Cookie[]): Maybe<string[]>;
  /** Ends the session of a request, so that no copy of its cookie opens anything. */
  end(cookies: readonly Cookie[]): Promise<void>;
  /**
   * Ends sessions from outside: all that fit the target and began before now.
   * @param claimed nobody proved to be allowed to; the name of the target is all that there is
   */
  revoke(target: RevocationTarget, claimed?: 'claimed'): Promise<void>;
}

export interface SessionsNeeds extends RenewingNeeds {
  revocations: SessionRevocations;
  bus: Bus;
  lifetimes: Lifetimes;
  touches: Touches;
  uses: NotedUses;
}

export function createSessions(needs: SessionsNeeds): Sessions {
  const { store, bus, clock } = needs;
  const renewing = createRenewing(needs);
  const use = createUse(needs, renewing);
  const { revoke, end } = createEnding(needs);

  const read = (cookies: Cookies): Maybe<Standing> => {
    const found = store.read(parsed(cookies));
    return found instanceof Promise ? found.then((ready) => use(ready, cookies)) : use(found, cookies);
  };
  const find = async (cookies: readonly Cookie[]) => {
    await bus.catchUp?.();
    const found = await store.read(cookies);
    return found && isUsable(needs, found, seconds(clock)) ? found.session : undefined;
  };

  const readHeader = (header: string): Maybe<Standing> => {
    const known = store.recall(header);
    if (known === undefined) return read(header);
    if (!(known instanceof Promise)) return use(known, header);
    return known.then((found) => (found ? use(found, header) : read(header)));
  };
  /** What others have told of sessions comes first. */
  const caughtUp = <T>(look: () => Maybe<T>): Maybe<T> => {
    const catchingUp = bus.catchUp?.();
    return catchingUp ? catchingUp.then(look) : look();
  };

  return {
    current: (cookies) => caughtUp(() => read(cookies)),
    currentOf: (header) => (header === undefined ? undefined : caughtUp(() => readHeader(header))),
    spend: renewing.spend,
    find,
    peek: (cookies) => find(cookies).catch(() => undefined),
    unusable(cookies) {
      const lines = store.expire(cookies);
      return lines.length === 0 || store.opens(cookies) ? nothing : lines;
    },
    begin: (session, cookies) => store.create(session, cookies),
    end,
    revoke,
  };
}

const seconds = ({ now }: Pick<Clock, 'now'>) => Math.floor(now() / 1000);

type LifeNeeds = Pick<SessionsNeeds, 'lifetimes' | 'uses'>;

/** Whether a session is over by the clock. That it was used may not be written yet: a store may take nothing for long. */
function isPast({ lifetimes, uses }: LifeNeeds, session: Session, now: number): boolean {
  if (!isOver(session, lifetimes, now)) return false;
  const seenAt = uses.lastOf(session);
  return seenAt === undefined || seenAt <= session.seenAt || isOver({ ...session, seenAt }, lifetimes, now);
}

function isUsable(
  needs: LifeNeeds & Pick<SessionsNeeds, 'revocations'>,
  { session }: Found,
  now: number,
): boolean {
  return !isPast(needs, session, now) && !needs.revocations.isRevoked(session);
}

/**
 * A session that somebody ended: its cookie is of no use any more, in any browser that has it. One that is over by the
 * clock keeps it, since a clock may be set back again.
 */
const signedOut = (setCookies: readonly string[]): Standing => ({
  lapsed: 'ended',
  setCookies,
  retryAfter: undefined,
  reason: 'the session was ended before its time',
});

/** How a request stands with the session that was found for it. */
function createUse(needs: SessionsNeeds, renewing: Renewing) {
  const { bus, lifetimes, clock, revocations, store } = needs;
  const isTouched = store.use ? isUseNoted : shouldTouch;
  const touch = createTouch(needs);
  return (found: Found | undefined, cookies: Cookies): Maybe<Standing> => {
    const now = seconds(clock);
    if (!found) return undefined;
    if (!bus.knowsSignOuts())
      return Promise.reject(storeUnavailable(new Error('the sign-outs were not loaded yet')));
    if (isPast(needs, found.session, now)) return undefined;
    if (revocations.isRevoked(found.session)) return signedOut(store.expire(parsed(cookies)));
    if (isRefreshDue(found.session, now)) return renewing.tokens(found, cookies, now);
    if (isClaimsRefreshDue(found.session, lifetimes, now)) return renewing.claims(found, cookies, now);
    if (!found.outdatedKey && !isTouched(found.session, lifetimes, now)) {
      return { session: found.session, setCookies: nothing, found };
    }
    return touch(found, cookies, now);
  };
}

/** What ends sessions: the one of a request, or all that fit from outside. */
function createEnding({
  store,
  revocations,
  bus,
  lifetimes,
  clock,
}: SessionsNeeds): Pick<Sessions, 'end' | 'revoke'> {
  const revoke: Sessions['revoke'] = async (target, claimed) => {
    // Sessions begin and end within one second: only milliseconds tell which was first.
    const before = clock.now() / 1000;
    const until = Math.ceil(before) + lifetimes.longest;
    const proven = claimed === undefined;
    const keys = revocations.keysOf(target);
    await Promise.all(keys.map((key) => bus.publish({ key, before, until, proven })));
  };
  /** Whose session cannot be read ends it unread. */
  const read = async (cookies: readonly Cookie[]) => {
    try {
      return await store.read(cookies);
    } catch (error) {
      if (!store.removeUnread) throw error;
      return void (await store.removeUnread(cookies));
    }
  };
  return {
    revoke,
    async end(cookies) {
      const found = await read(cookies);
      if (!found) return;
      // One may fail where the other can be done, or will be when the store is back.
      const revoked = revoke({ kind: 'session', id: found.session.id });
      const [removing, revoking] = await Promise.allSettled([store.remove(found), revoked]);
      for (const done of [removing, revoking]) if (done.status === 'rejected') throw done.reason;
    },
  };
}
