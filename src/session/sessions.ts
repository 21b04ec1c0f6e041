import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { type Cookie, parseCookies } from './cookies.ts';
import {
  isClaimsRefreshDue,
  isOver,
  isRefreshDue,
  isTokenValid,
  type Lifetimes,
  shouldTouch,
} from './lifetime.ts';
import { type Refresher, type RefreshOutcome, type Spent, shortPatienceMs } from './refresh.ts';
import { type Revocations, type RevocationTarget, revocationKey } from './revocations.ts';
import type { Session } from './session.ts';
import { type Shared, storeUnavailable } from './shared/shared.ts';
import type { Current, Lapsed, Standing } from './standing.ts';
import type { Found, Maybe, SessionStore } from './stores/store.ts';

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
   * take away the session that another tab has got meanwhile.
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

export interface SessionsParts {
  store: SessionStore;
  refresher: Refresher;
  revocations: Revocations;
  shared: Shared;
  lifetimes: Lifetimes;
  /** Milliseconds that a request without a good token waits for a refresh. */
  patience: number;
  log: Logger;
  now?: () => number;
}

/** So many outcomes of long ago may lead on, one to the next, before somebody has to sign in again. */
const mostOldTurns = 3;

/** Requests with the same cookies get the same new ones for this long. */
const touchLastsSeconds = 5;

/** Enough for an outcome that is there already. */
const noPatienceMs = 20;

const nothing: readonly string[] = [];

/** Parsed, or the header as it came, which is parsed only where something has to be written. */
type Cookies = readonly Cookie[] | string;

const parsed = (cookies: Cookies) => (typeof cookies === 'string' ? parseCookies(cookies) : cookies);

export function createSessions(parts: SessionsParts): Sessions {
  const { store, refresher, revocations, shared, lifetimes, patience, log } = parts;
  const seconds = () => Math.floor((parts.now ?? Date.now)() / 1000);

  const isUsable = ({ session }: Found, now: number) =>
    !isOver(session, lifetimes, now) && !revocations.isRevoked(session);

  const use = (found: Found | undefined, cookies: Cookies): Maybe<Standing> => {
    const now = seconds();
    if (!found) return undefined;
    if (!shared.knowsSignOuts())
      return Promise.reject(storeUnavailable(new Error('the sign-outs were not loaded yet')));
    if (!isUsable(found, now)) return undefined;
    if (isRefreshDue(found.session, now)) return refreshed(found, cookies, now);
    if (isClaimsRefreshDue(found.session, lifetimes, now)) return claimsRefreshed(found, cookies, now);
    if (!found.outdatedKey && !shouldTouch(found.session, lifetimes, now)) {
      return { session: found.session, setCookies: nothing, found };
    }
    return touched(found, cookies, now);
  };

  const touches = new WeakMap<Found, { at: number; cookies: Cookies; current: Current }>();
  /** A page asks for many things at once, all with the cookie from before: sealing the new one once is enough. */
  const touched = (found: Found, cookies: Cookies, now: number): Maybe<Current> => {
    const last = touches.get(found);
    if (last && Math.abs(now - last.at) < touchLastsSeconds && last.cookies === cookies) return last.current;
    const current = written(found, { ...found.session, seenAt: now }, cookies);
    if (current instanceof Promise) return current.catch((error: unknown) => asItIs(found, error));
    // Who loads nothing but answers that leave them out stays signed in all the same.
    current.canWait = now - found.session.seenAt < lifetimes.idle / 2;
    touches.set(found, { at: now, cookies, current });
    return current;
  };

  /** A store that can be read and takes nothing new is no reason to refuse a session that is good. */
  const asItIs = (found: Found, error: unknown): Current => {
    if (!(error instanceof GatewayError) || error.code !== 'store_unavailable') throw error;
    return { session: found.session, setCookies: nothing, found };
  };

  const written = (found: Found, session: Session, cookies: Cookies): Maybe<Current> => {
    const setCookies = store.update(found, session, parsed(cookies));
    return setCookies instanceof Promise
      ? setCookies.then((lines) => ({ session, setCookies: lines, found }))
      : { session, setCookies, found };
  };

  /** Sessions whose refresh one request has waited for in vain: while it is under way, others do not. */
  const impatient = new WeakSet<Session>();

  const refreshed = async (
    found: Found,
    cookies: Cookies,
    now: number,
    turnsLeft = mostOldTurns,
  ): Promise<Standing> => {
    const { session } = found;
    const hasGoodToken = isTokenValid(session, now);
    const longestWait = impatient.has(session) ? noPatienceMs : shortPatienceMs;
    const refreshing = refresher.refresh(session, keeper(found, cookies));
    const outcome = await within(
      hasGoodToken ? longestWait : patience,
      // Whoever has a good token need not wait for Redis to be back.
      hasGoodToken ? refreshing.catch(notNow) : refreshing,
    );
    switch (outcome?.kind) {
      case 'refreshed': {
        // An outcome of long ago may be over too; then it is the next one's turn.
        if (turnsLeft > 0 && !isTokenValid(outcome.session, now))
          return refreshed({ ...found, session: outcome.session }, cookies, now, turnsLeft - 1);
        return carried(session, outcome, await taken(found, outcome, cookies, now));
      }
      case 'ended':
        return ended(found, outcome.reason, cookies);
      case 'replaced':
        // The browser has a newer cookie, which must not be taken away.
        log.info({ ...whose(session), reason: outcome.reason }, 'session ended');
        return { lapsed: 'parked', setCookies: nothing, retryAfter: undefined, reason: outcome.reason };
    }
    if (outcome === undefined) impatient.add(session);
    if (hasGoodToken) return { session, setCookies: nothing, found };
    const lapsed = outcome?.kind === 'parked' ? 'parked' : 'unavailable';
    return { lapsed, setCookies: nothing, retryAfter: retryAfterOf(outcome), reason: reasonOf(outcome) };
  };

  /** In a cookie, the new tokens are safe only when an answer has brought them to the browser. */
  const carried = (before: Session, outcome: RefreshOutcome, current: Current): Current =>
    store.onServer ? current : { ...current, delivered: () => refresher.delivered(before, outcome) };

  const claimsRefreshed = async (found: Found, cookies: Cookies, now: number): Promise<Standing> => {
    const { session } = found;
    const asking = refresher.refreshClaims(session, keeper(found, cookies)).catch(notNow);
    const outcome = await within(shortPatienceMs, asking);
    if (outcome?.kind === 'refreshed') return taken(found, outcome, cookies, now);
    if (outcome?.kind === 'ended') return ended(found, outcome.reason, cookies);
    if (outcome?.kind === 'token-refused') {
      if (session.refreshToken !== undefined) return refreshed(found, cookies, now);
      return ended(found, 'the provider does not take the access token any more', cookies);
    }
    // An outage takes nothing away from anybody.
    return { session, setCookies: nothing, found };
  };

  const taken = (
    found: Found,
    { session: fresh, isUnkept }: Extract<RefreshOutcome, { kind: 'refreshed' }>,
    cookies: Cookies,
    now: number,
  ): Maybe<Current> => {
    const next = { ...fresh, seenAt: now };
    const current = { session: next, setCookies: nothing, found };
    if (store.onServer && !found.outdatedKey && !isUnkept) return current;
    const writing = written(found, next, cookies);
    // The outcome leads on whoever finds the session as it was.
    return isUnkept && store.onServer && writing instanceof Promise ? writing.catch(() => current) : writing;
  };

  const whose = ({ provider, subject }: Session) => ({ provider, subject });

  const ended = async (found: Found, reason: string, cookies: Cookies): Promise<Lapsed> => {
    log.info({ ...whose(found.session), reason }, 'session ended');
    await store.remove(found);
    return { lapsed: 'ended', setCookies: store.expire(parsed(cookies)), retryAfter: undefined, reason };
  };

  /** Writes a session down before anybody is told of it, where that helps everybody. */
  const keeper = (found: Found, cookies: Cookies) => async (next: Session) => {
    if (store.onServer) await store.update(found, next, parsed(cookies));
    return store.onServer;
  };

  const read = (cookies: Cookies): Maybe<Standing> => {
    const found = store.read(parsed(cookies));
    return found instanceof Promise ? found.then((ready) => use(ready, cookies)) : use(found, cookies);
  };

  return {
    current: read,
    currentOf(header) {
      if (header === undefined) return undefined;
      const known = store.recall(header);
      if (known === undefined) return read(header);
      if (!(known instanceof Promise)) return use(known, header);
      return known.then((found) => (found ? use(found, header) : read(header)));
    },
    async spend({ found, session, setCookies }, cookies, work) {
      const outcome = await within(patience, refresher.spend(session, keeper(found, cookies), work));
      if (outcome?.kind === 'ended') {
        await ended(found, outcome.reason, cookies);
        return undefined;
      }
      if (outcome?.kind !== 'refreshed') {
        const cause = new Error(reasonOf(outcome));
        throw new GatewayError('provider_unavailable', { retryAfter: retryAfterOf(outcome), cause });
      }
      const isSame = outcome.session.refreshToken === session.refreshToken;
      if (isSame || (store.onServer && !found.outdatedKey))
        return { session: outcome.session, setCookies, found };
      return written(found, outcome.session, cookies);
    },
    async find(cookies) {
      const found = await store.read(cookies);
      return found && isUsable(found, seconds()) ? found.session : undefined;
    },
    async peek(cookies) {
      try {
        return await this.find(cookies);
      } catch {
        return undefined;
      }
    },
    unusable(cookies) {
      const lines = store.expire(cookies);
      return lines.length === 0 || store.opens(cookies) ? nothing : lines;
    },
    begin: (session, cookies) => store.create(session, cookies),
    async end(cookies) {
      const found = await store.read(cookies);
      if (!found) return;
      // One may fail where the other can be done, or will be when the store is back.
      const revoked = this.revoke({ kind: 'session', id: found.session.id });
      const [removing, revoking] = await Promise.allSettled([store.remove(found), revoked]);
      for (const done of [removing, revoking]) if (done.status === 'rejected') throw done.reason;
    },
    revoke(target, claimed) {
      // Sessions begin and end within one second: only milliseconds tell which was first.
      const before = (parts.now ?? Date.now)() / 1000;
      const until = Math.ceil(before) + lifetimes.longest;
      return shared.publish({ key: revocationKey(target), before, until, proven: claimed === undefined });
    },
  };
}

/** A refresh that the store keeps from being tried, or from being told of, for now. */
function notNow(error: unknown): RefreshOutcome {
  if (!(error instanceof GatewayError) || error.code !== 'store_unavailable') throw error;
  return { kind: 'unavailable', retryAfter: error.retryAfter ?? 1 };
}

/** Seconds until it makes sense to ask again. */
function retryAfterOf(outcome: RefreshOutcome | undefined): number {
  return outcome?.kind === 'unavailable' ? outcome.retryAfter : 1;
}

/** Why there are no new tokens, for the log of the request; what the provider said has a line of its own. */
function reasonOf(outcome: RefreshOutcome | undefined): string {
  return outcome === undefined
    ? 'the provider has not answered the refresh yet'
    : 'the access token has ended, and the refresh failed';
}

/** The value, or undefined when it takes longer; the work goes on for those who come later. */
function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, undefined);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
