import { type Clock, within } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import type { Found, Maybe } from '../found.ts';
import { isTokenValid } from '../lifetime.ts';
import type { RefreshOutcome, Spent } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { Current, Lapsed, Standing } from '../standing.ts';
import type { SessionStore } from '../stores/store.ts';
import { type Cookies, nothing, parsed, resealed, written } from '../stores/written.ts';
import { type Refresher, shortPatienceMs } from './refresh.ts';

/** Takes a session to new tokens or claims, as far as a request can wait for them. */
export interface Renewing {
  tokens(found: Found, cookies: Cookies, now: number): Promise<Standing>;
  claims(found: Found, cookies: Cookies, now: number): Promise<Standing>;
  /** The session with the refresh token that is left by work that used it; undefined when it has ended. */
  spend(
    current: Current,
    cookies: Cookies,
    work: (session: Session) => Promise<Spent>,
  ): Promise<Current | undefined>;
}

export interface RenewingNeeds {
  store: SessionStore;
  refresher: Refresher;
  /** Sessions whose refresh one request has waited for in vain: while it is under way, others do not. */
  impatient: WeakSet<Session>;
  /** Milliseconds that a request without a good token waits for a refresh. */
  patience: number;
  emit: Emit;
  clock: Clock;
}

/** So many outcomes of long ago may lead on, one to the next, before somebody has to sign in again. */
const mostOldTurns = 3;

/** Enough for an outcome that is there already. */
const noPatienceMs = 20;

export function createRenewing(needs: RenewingNeeds): Renewing {
  const parts = { ...needs, endings: createEndings(needs) };
  const tokens = createTokenRenewal(parts);
  return { tokens, claims: createClaimsRenewal(parts, tokens), spend: createSpending(parts) };
}

type Parts = RenewingNeeds & { endings: ReturnType<typeof createEndings> };

/** Writes a session down before anybody is told of it, where that helps everybody. */
const keeper =
  (
    { store: { onServer, update }, clock }: Pick<RenewingNeeds, 'store' | 'clock'>,
    found: Found,
    cookies: Cookies,
  ) =>
  async (next: Session) => {
    // It is used at this moment, and may have been while the provider was asked.
    const seenAt = Math.max(next.seenAt, Math.floor(clock.now() / 1000));
    if (onServer) await update(found, { ...next, seenAt }, parsed(cookies));
    return onServer;
  };

function createTokenRenewal(parts: Parts) {
  const { store, refresher, emit, endings } = parts;
  const askForTokens = createAsking(parts);

  /** In a cookie, the new tokens are safe only when an answer has brought them to the browser. */
  const carried = (before: Session, outcome: RefreshOutcome, current: Current): Current =>
    store.onServer ? current : { ...current, delivered: () => refresher.delivered(before, outcome) };

  return async function renew(
    found: Found,
    cookies: Cookies,
    now: number,
    turnsLeft = mostOldTurns,
  ): Promise<Standing> {
    const { session } = found;
    const hasGoodToken = isTokenValid(session, now);
    const outcome = await askForTokens(session, keeper(parts, found, cookies), hasGoodToken);
    if (outcome?.kind === 'refreshed') {
      // An outcome of long ago may be over too; then it is the next one's turn.
      if (turnsLeft > 0 && !isTokenValid(outcome.session, now))
        return renew({ ...found, session: outcome.session }, cookies, now, turnsLeft - 1);
      return carried(session, outcome, await endings.taken(found, outcome, cookies, now));
    }
    if (outcome?.kind === 'ended') return endings.ended(found, outcome.reason, cookies);
    if (outcome?.kind === 'replaced') {
      // The browser has a newer cookie, which must not be taken away.
      emit({ kind: 'session-ended', ...whose(session), by: 'replaced', reason: outcome.reason });
      return { lapsed: 'parked', setCookies: nothing, retryAfter: undefined, reason: outcome.reason };
    }
    if (hasGoodToken) return { session, setCookies: nothing, found };
    const lapsed = outcome?.kind === 'parked' ? 'parked' : 'unavailable';
    return { lapsed, setCookies: nothing, retryAfter: retryAfterOf(outcome), reason: reasonOf(outcome) };
  };
}

function createClaimsRenewal(
  { store, refresher, clock, endings }: Parts,
  tokens: Renewing['tokens'],
): Renewing['claims'] {
  return async (found, cookies, now) => {
    const { session } = found;
    const asking = refresher.refreshClaims(session, keeper({ store, clock }, found, cookies)).catch(notNow);
    const outcome = await within(clock, shortPatienceMs, asking);
    if (outcome?.kind === 'refreshed') return endings.taken(found, outcome, cookies, now);
    if (outcome?.kind === 'ended') return endings.ended(found, outcome.reason, cookies);
    if (outcome?.kind === 'token-refused') {
      if (session.refreshToken !== undefined) return tokens(found, cookies, now);
      return endings.ended(found, 'the provider does not take the access token any more', cookies);
    }
    // An outage takes nothing away from anybody.
    return { session, setCookies: nothing, found };
  };
}

function createSpending({ store, refresher, patience, clock, endings }: Parts): Renewing['spend'] {
  return async ({ found, session, setCookies }, cookies, work) => {
    const spending = refresher.spend(session, keeper({ store, clock }, found, cookies), work);
    const outcome = await within(clock, patience, spending);
    if (outcome?.kind === 'ended') {
      await endings.ended(found, outcome.reason, cookies);
      return undefined;
    }
    if (outcome?.kind !== 'refreshed') {
      const cause = new Error(reasonOf(outcome));
      throw new GatewayError('provider_unavailable', { retryAfter: retryAfterOf(outcome), cause });
    }
    const isSame = outcome.session.refreshToken === session.refreshToken;
    if (isSame) return { session: outcome.session, setCookies, found };
    if (store.onServer) {
      const { setCookies: renewed } = resealed(store, found, outcome.session, cookies);
      return { session: outcome.session, setCookies: renewed.length > 0 ? renewed : setCookies, found };
    }
    return written(store, found, outcome.session, cookies);
  };
}

/** Asks for new tokens, for as long as a request can wait; undefined where that was not long enough. */
function createAsking({ refresher, impatient, patience, clock }: RenewingNeeds) {
  return async (
    session: Session,
    keep: (next: Session) => Promise<boolean>,
    hasGoodToken: boolean,
  ): Promise<RefreshOutcome | undefined> => {
    const longestWait = impatient.has(session) ? noPatienceMs : shortPatienceMs;
    const refreshing = refresher.refresh(session, keep);
    const outcome = await within(
      clock,
      hasGoodToken ? longestWait : patience,
      // Whoever has a good token need not wait for Redis to be back.
      hasGoodToken ? refreshing.catch(notNow) : refreshing,
    );
    if (outcome === undefined) impatient.add(session);
    return outcome;
  };
}

/** How a renewal ends for a request: with the session as it is now, or without. */
function createEndings({ store, emit }: Pick<RenewingNeeds, 'store' | 'emit'>) {
  return {
    taken(
      found: Found,
      { session: fresh, isUnkept }: Extract<RefreshOutcome, { kind: 'refreshed' }>,
      cookies: Cookies,
      now: number,
    ): Maybe<Current> {
      const next = { ...fresh, seenAt: now };
      if (!store.onServer) return written(store, found, next, cookies);
      // The process that got it has written it, and it may be newer by now.
      const current = resealed(store, found, next, cookies);
      if (!isUnkept) return current;
      const writing = written(store, found, next, cookies);
      // The outcome leads on whoever finds the session as it was.
      return writing instanceof Promise ? writing.catch(() => current) : writing;
    },
    async ended(found: Found, reason: string, cookies: Cookies): Promise<Lapsed> {
      emit({ kind: 'session-ended', ...whose(found.session), by: 'provider', reason });
      await store.remove(found);
      return { lapsed: 'ended', setCookies: store.expire(parsed(cookies)), retryAfter: undefined, reason };
    },
  };
}

const whose = ({ provider, subject, id }: Session) => ({ provider, subject, sessionId: id });

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
