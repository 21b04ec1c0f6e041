import type { Clock } from '../../clock.ts';
import { describeError, type Logger } from '../../observe/log.ts';
import type { Grant, RefreshOutcome } from '../../session/refresh.ts';
import type { Session } from '../../session/session.ts';
import { createCircuit } from './circuit.ts';
import { isSpent } from './endpoint-error.ts';
import { loginError } from './failure.ts';
import { createHangWatch } from './hang-watch.ts';
import type { Provider } from './provider.ts';
import type { Providers } from './providers.ts';
import { askClaims } from './refresh-claims.ts';
import { type GrantParts, refreshTokens, tokenEndpointProbe } from './refresh-tokens.ts';
import { codeOf, judgeError } from './verdict.ts';

export interface GrantsParts {
  providers: Providers;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  log: Logger;
  clock: Clock;
}

/**
 * Makes the function that replaces the tokens or the claims of a session: it asks the provider that gave them, and
 * makes an outcome of whatever comes of it.
 */
export function createGrants({ providers, ...rest }: GrantsParts): Grant {
  const grants = new Map(
    providers.all.map((provider) => {
      const parts = { ...rest, provider };
      // The endpoints fail apart from each other.
      return [provider.name, { tokens: tokenGrant(parts), claims: claimsGrant(parts) }] as const;
    }),
  );
  return async (session, renewal) =>
    grants.get(session.provider)?.[renewal](session) ?? {
      kind: 'ended',
      reason: 'its provider is not configured any more',
    };
}

type OneGrant = (session: Session) => Promise<RefreshOutcome>;

function tokenGrant(parts: GrantParts): OneGrant {
  const { provider, clock } = parts;
  const circuit = createCircuit(clock.monotonic);
  // The server itself is what hangs, so it is watched by the real clock.
  const watch = createHangWatch(tokenEndpointProbe(provider), () => circuit.close());
  return guarded(parts, 'refresh', circuit, (session) => refreshTokens(parts, session, watch));
}

function claimsGrant(parts: GrantParts): OneGrant {
  const circuit = createCircuit(parts.clock.monotonic);
  return guarded(parts, 'refresh of claims', circuit, (session) => askClaims(parts, session));
}

/** Codes of openid-client for a token answer that it cannot use. */
const unusable: ReadonlySet<string> = new Set(['OAUTH_PARSE_ERROR', 'OAUTH_INVALID_RESPONSE']);

function guarded(
  { provider, log }: GrantParts,
  what: 'refresh' | 'refresh of claims',
  circuit: ReturnType<typeof createCircuit>,
  ask: OneGrant,
): OneGrant {
  return async (session) => {
    if (!provider.isReady()) return { kind: 'unavailable', retryAfter: 1 };
    const wait = circuit.blockedFor(session.id, session.subject);
    if (wait > 0) return { kind: 'unavailable', retryAfter: wait };
    const late = lateTimer(provider, () => circuit.failed(session.id, undefined, session.subject));
    try {
      const outcome = await ask(session);
      circuit.succeeded(session.id);
      const { subject } = session;
      if (outcome.kind === 'refreshed') log.info({ provider: provider.name, subject }, what);
      return outcome;
    } catch (error) {
      return failed(session, error);
    } finally {
      clearTimeout(late);
    }
  };

  function failed({ id, subject }: Session, error: unknown): RefreshOutcome {
    const reason = describeError(error);
    const ended = (): RefreshOutcome => {
      circuit.succeeded(id);
      return { kind: 'ended', reason };
    };
    const { code } = loginError(error);
    if (code === 'login_token_invalid' || code === 'login_not_admitted') return ended();
    const spent = what === 'refresh' && isSpent(error);
    if (what === 'refresh' && !spent && unusable.has(codeOf(error))) return ended();
    const verdict = judgeError(error);
    // Of claims, no answer but that of the token endpoint ends a session.
    if (verdict.kind === 'ended' && what === 'refresh') return ended();
    const facts = { provider: provider.name, subject, reason };
    if (verdict.kind === 'unavailable' && !spent) {
      const pause = circuit.failed(id, verdict.retryAfter, subject);
      const retryAfter = Math.max(1, pause);
      log.warn({ ...facts, retryAfter }, `${what} failed`);
      return { kind: 'unavailable', retryAfter, pause };
    }
    circuit.ended(id);
    log.warn(facts, `${what} failed`);
    return { kind: 'parked', reason, isSpent: spent };
  }
}

/** A call that takes longer than any other may is counted as one without an answer, though it is still waited for. */
function lateTimer({ config }: Provider, count: () => void): NodeJS.Timeout {
  return setTimeout(count, config.timeout).unref();
}
