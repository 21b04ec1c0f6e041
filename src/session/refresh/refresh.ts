import type { Bounded } from '../../bounded.ts';
import type { Grant, Outcome, RefreshOutcome, Spent } from '../outcome.ts';
import type { Session } from '../session.ts';
import type { Shared, Unrepeatable } from '../shared/shared.ts';
import { type Turn, turnOf } from '../turn.ts';
import { nextPause, type Posting, type PostingNeeds, posted, refused, replaced, untold } from './posting.ts';

/** Requests that still carry the cookie from before a refresh get its outcome for this long. */
const lingerMs = 30_000;

/** A request with a good token waits this long for a better one. */
export const shortPatienceMs = 1000;

/** So often may others use the refresh token for something before somebody's turn comes. */
const mostTurns = 100;

export interface Refresher {
  /**
   * New tokens for a session; the provider is asked once for each refresh token, whatever the number of
   * requests, workers and instances.
   * @param keep writes the new session down before anybody is told of it
   */
  refresh(session: Session, keep: Keep): Promise<RefreshOutcome>;
  /** The same for claims alone, once for each time that they are due. */
  refreshClaims(session: Session, keep: Keep): Promise<RefreshOutcome>;
  /**
   * Uses the refresh token for something else, in the same order of turns: who comes second, here or for a
   * refresh, goes on with the refresh token that the first got. Gives the session as it is then.
   */
  spend(session: Session, keep: Keep, work: (session: Session) => Promise<Spent>): Promise<RefreshOutcome>;
  /**
   * An answer has brought the new tokens of this session to its browser: those of before are good for a moment only,
   * for requests that are under way.
   */
  delivered(before: Session, outcome: RefreshOutcome): void;
}

/** Writes a session down: true where that is enough, and no answer has to carry it to the browser. */
type Keep = (session: Session) => Promise<unknown>;

export interface RefresherNeeds extends PostingNeeds {
  shared: Pick<Shared, 'once' | 'settle'>;
  grant: Grant;
  /** Turns whose outcome was delivered, so that it is said once. */
  settled: Pick<Bounded<string, true>, 'has' | 'set'>;
}

export function createRefresher(needs: RefresherNeeds): Refresher {
  const { shared, longest, settled } = needs;
  const { takeTurn, turnBehind } = createTurnTaker(needs);
  const { refreshNow, spendNow, askForClaims } = createTurnWork(needs);

  return {
    async refresh(session, keep) {
      let current = session;
      for (let turn = 0; turn < mostTurns; turn++) {
        const outcome = await takeTurn(
          tokenTurn(current),
          (previous) => refreshNow(current, keep, previous),
          'gateway',
        );
        if (outcome.kind !== 'spent') return outcome;
        current = { ...current, refreshToken: outcome.refreshToken };
      }
      return late;
    },
    async refreshClaims(session, keep) {
      const turn = turnOf('claims', [session.accessToken, session.claimsRefreshAt]);
      const outcome = await takeTurn(turn, (previous) => askForClaims(session, keep, previous));
      return outcome.kind === 'spent' ? late : outcome;
    },
    async spend(session, keep, work) {
      let current = session;
      let isDone = false;
      for (let turn = 0; turn < mostTurns; turn++) {
        const spendIt = () => {
          isDone = true;
          return spendNow(current, keep, work);
        };
        const outcome = await takeTurn(tokenTurn(current), spendIt, 'process');
        if (outcome.kind !== 'refreshed' && outcome.kind !== 'spent') return outcome;
        current =
          outcome.kind === 'refreshed' ? outcome.session : { ...current, refreshToken: outcome.refreshToken };
        if (isDone) return { kind: 'refreshed', session: current };
      }
      return late;
    },
    delivered(before, outcome) {
      if (outcome.kind !== 'refreshed' || outcome.session.refreshToken === before.refreshToken) return;
      const same = tokenTurn(before);
      if (settled.has(same.name)) return;
      settled.set(same.name, true);
      const own = turnBehind(outcome);
      const turn = own?.name === same.name ? own : same;
      shared.settle(turn.name, posted(turn, { outcome, lingerMs, afterwards: replaced }, longest));
    },
  };
}

const late: RefreshOutcome = { kind: 'unavailable', retryAfter: 1 };

/** Providers that don't rotate give the same refresh token again: the access token tells one turn from the next. */
const tokenTurn = ({ refreshToken = '', accessToken }: Session) =>
  turnOf('refresh', [refreshToken, accessToken]);

interface TurnTaker {
  /** Does the work, unless somebody did it before or does so now: then it is that one's outcome. */
  takeTurn(
    turn: Turn,
    work: (previous: Outcome | undefined) => Promise<Posting>,
    heldBy?: Unrepeatable['heldBy'],
  ): Promise<Outcome>;
  /** The turn that an outcome came of; it has its seal at hand. */
  turnBehind(outcome: Outcome): Turn | undefined;
}

function createTurnTaker({ shared, longest }: RefresherNeeds): TurnTaker {
  const turns = new WeakMap<Outcome, Turn>();
  /** Sealed when it is asked for: within one process it seldom is. */
  const unrepeatable = (turn: Turn, heldBy: Unrepeatable['heldBy']): Unrepeatable => ({
    get lost() {
      return turn.seal(untold);
    },
    forMs: longest,
    heldBy,
  });
  return {
    async takeTurn(turn, work, heldBy) {
      const value = await shared.once(
        turn.name,
        async (previous) =>
          posted(turn, await work(previous === undefined ? undefined : turn.open(previous)), longest),
        heldBy && unrepeatable(turn, heldBy),
      );
      const outcome = turn.open(value);
      if (!outcome) return late;
      turns.set(outcome, turn);
      return outcome;
    },
    turnBehind: (outcome) => turns.get(outcome),
  };
}

/** What is done in a turn, and for how long others get what came of it. */
function createTurnWork(needs: RefresherNeeds) {
  const { grant, longest, random } = needs;
  return {
    async refreshNow(session: Session, keep: Keep, previous: Outcome | undefined): Promise<Posting> {
      const outcome = await grant(session, 'tokens');
      if (outcome.kind !== 'refreshed') return refused(outcome, session, previous, needs);
      const isKept = await tryToKeep(outcome.session, keep);
      if (outcome.session.refreshToken === session.refreshToken) return { outcome, lingerMs };
      // No answer may bring the new cookie to the browser: its client may have left. Whoever comes with the old one, be
      // it much later, must find the way on.
      if (isKept) return { outcome, lingerMs, afterwards: replaced };
      return { outcome: { ...outcome, isUnkept: true }, lingerMs: longest };
    },
    async spendNow(
      session: Session,
      keep: Keep,
      work: (session: Session) => Promise<Spent>,
    ): Promise<Posting> {
      const outcome = await work(session);
      if (outcome.kind !== 'spent') return refused(outcome, session, undefined, needs);
      if (outcome.refreshToken === session.refreshToken) return { outcome, lingerMs: 0 };
      await tryToKeep({ ...session, refreshToken: outcome.refreshToken }, keep);
      // The access token of the session stays, and with it any cookie from before stays good for long: an answer
      // under way may even put it in place of the new one. Whoever comes with it must find the way on.
      return { outcome, lingerMs: longest };
    },
    async askForClaims(session: Session, keep: Keep, previous: Outcome | undefined): Promise<Posting> {
      const outcome = await grant(session, 'claims');
      if (outcome.kind === 'refreshed') {
        await tryToKeep(outcome.session, keep);
        return { outcome, lingerMs };
      }
      if (outcome.kind !== 'parked' && outcome.kind !== 'token-refused')
        return refused(outcome, session, previous, needs);
      const { attempts, pauseMs } = nextPause(previous, random);
      return { outcome: { ...outcome, attempts }, lingerMs: pauseMs, isRemembered: true };
    },
  };
}
/**
 * Whether the session is written down now. Where it is not, its outcome leads on whoever comes with the tokens from
 * before. It is not tried again: by then another instance may have gone on, and what is new would be overwritten.
 */
async function tryToKeep(session: Session, keep: Keep): Promise<boolean> {
  try {
    return (await keep(session)) === true;
  } catch {
    return false;
  }
}
