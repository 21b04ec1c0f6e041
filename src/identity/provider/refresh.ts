import type { Clock, Timer } from '../../clock.ts';
import type { Keep } from '../../holdings.ts';
import type { RenewalName } from '../../observe/events/people.ts';
import type { Emit } from '../../observe/events.ts';
import { describeError } from '../../observe/scrub.ts';
import type { Random } from '../../random.ts';
import type { Grant, RefreshOutcome } from '../../session/outcome.ts';
import type { Session } from '../../session/session.ts';
import { type Circuit, createCircuit, openRefreshCircuit } from './circuit.ts';
import { loginError } from './failure.ts';
import { createHangWatch, type HangWatch } from './hang-watch.ts';
import type { Providers } from './providers.ts';
import { askClaims } from './refresh-claims.ts';
import { type GrantNeeds, refreshTokens } from './refresh-tokens.ts';
import { isSpent, isUnusable, judgeError } from './verdict.ts';

export interface GrantsNeeds {
  providers: Pick<Providers, 'all'>;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  emit: Emit;
  clock: Clock;
  random: Random;
  keep: Keep;
}

/**
 * Makes the function that replaces the tokens or the claims of a session: it asks the provider that gave them, and
 * makes an outcome of whatever comes of it.
 */
export function createGrants({ providers, keep, ...rest }: GrantsNeeds): Grant {
  const grants = new Map(
    providers.all.map((provider) => {
      const needs = { ...rest, provider };
      // The endpoints fail apart from each other.
      return [provider.name, { tokens: tokenGrant(needs, keep), claims: claimsGrant(needs, keep) }] as const;
    }),
  );
  return async (session, renewal) =>
    grants.get(session.provider)?.[renewal](session) ?? {
      kind: 'ended',
      reason: 'its provider is not configured any more',
    };
}

type OneGrant = (session: Session) => Promise<RefreshOutcome>;

function tokenGrant(needs: GrantNeeds, keep: Keep): OneGrant {
  const { provider, clock } = needs;
  const circuit = openRefreshCircuit(keep, provider.key, { clock, random: needs.random });
  const watch = openWatch(keep, provider.key, circuit, clock);
  return guarded(needs, 'refresh', circuit, (session) => refreshTokens(needs, session, watch));
}

/** Apart from the configuration that opens it: it goes on when that one has ended. */
function openWatch(keep: Keep, key: string, circuit: Circuit, clock: Clock): HangWatch {
  return keep('refresh watch', key, () => createHangWatch(() => circuit.close(), clock));
}

function claimsGrant(needs: GrantNeeds, keep: Keep): OneGrant {
  const circuit = keep('claims circuit', needs.provider.key, () => createCircuit(needs));
  return guarded(needs, 'refresh of claims', circuit, (session) => askClaims(needs, session));
}

function guarded(
  { provider, emit, clock }: GrantNeeds,
  what: RenewalName,
  circuit: Circuit,
  ask: OneGrant,
): OneGrant {
  return async (session) => {
    await provider.settled();
    if (!provider.isReady()) return { kind: 'unavailable', retryAfter: 1 };
    const wait = circuit.blockedFor(session.id, session.subject);
    if (wait > 0) return { kind: 'unavailable', retryAfter: wait };
    const late = lateTimer(clock, provider.config, () =>
      circuit.failed(session.id, undefined, session.subject),
    );
    try {
      const outcome = await ask(session);
      circuit.succeeded(session.id);
      if (outcome.kind === 'refreshed') emit({ kind: 'refresh-finished', renewal: what, ...whose(session) });
      return outcome;
    } catch (error) {
      return failed(session, error);
    } finally {
      late.cancel();
    }
  };

  function failed(session: Session, error: unknown): RefreshOutcome {
    const { id, subject } = session;
    const reason = describeError(error);
    const ended = (): RefreshOutcome => {
      circuit.succeeded(id);
      return { kind: 'ended', reason };
    };
    const { code } = loginError(error);
    if (code === 'login_token_invalid' || code === 'login_not_admitted') return ended();
    const spent = what === 'refresh' && isSpent(error);
    if (what === 'refresh' && !spent && isUnusable(error)) return ended();
    const verdict = judgeError(error);
    // Of claims, no answer but that of the token endpoint ends a session.
    if (verdict.kind === 'ended' && what === 'refresh') return ended();
    if (verdict.kind === 'unavailable' && !spent) {
      const pause = circuit.failed(id, verdict.retryAfter, subject);
      const retryAfter = Math.max(1, pause);
      emit({ kind: 'refresh-failed', renewal: what, ...whose(session), error, retryAfter });
      return { kind: 'unavailable', retryAfter, pause };
    }
    circuit.ended(id);
    emit({ kind: 'refresh-failed', renewal: what, ...whose(session), error });
    return { kind: 'parked', reason, isSpent: spent };
  }
}

/** As events name it. */
function whose({ provider, subject, id }: Session) {
  return { provider, subject, sessionId: id };
}

/** A call that takes longer than any other may is counted as one without an answer, though it is still waited for. */
function lateTimer(clock: Clock, { timeout }: { timeout: number }, count: () => void): Timer {
  return clock.after(timeout, count).unref();
}
