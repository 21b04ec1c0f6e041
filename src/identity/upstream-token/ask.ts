import type { Clock } from '../../clock.ts';
import type { Emit } from '../../observe/events.ts';
import { describeError } from '../../observe/scrub.ts';
import type { Random } from '../../random.ts';
import { refreshTime } from '../../session/lifetime.ts';
import type { Spent } from '../../session/outcome.ts';
import type { Session } from '../../session/session.ts';
import type { Circuit } from '../provider/circuit.ts';
import { loginError } from '../provider/failure.ts';
import type { Provider } from '../provider/provider.ts';
import { errorCodeIn, isOfSetUp, isPassing, isSpent, judgeError } from '../provider/verdict.ts';
import type { Tokens } from '../tokens/tokens.ts';
import type { TokenAudience } from './target.ts';

/** What came of asking for a token; as JSON it goes to other processes, sealed. */
export type Obtained =
  | {
      kind: 'token';
      token: string;
      /** Seconds since the epoch. */
      renewAt: number;
      expiresAt: number;
    }
  /** The provider gives none: to this person, or to nobody because something is set up wrongly. */
  | { kind: 'refused'; code: 'token_refused' | 'token_unavailable'; reason: string }
  /** Not now; seconds until it makes sense to ask again. */
  | { kind: 'unavailable'; retryAfter: number };

/** Where a token is asked for. */
export interface TokenSource {
  provider: Provider;
  circuit: Circuit;
  target: TokenAudience;
  /** Whose trouble it is, where only one person meets it; the same text for all that is the gateway's own. */
  who: string;
  /** Whose that is, where one person may have several; undefined where nobody knows. */
  person: string | undefined;
  emit: Emit;
  clock: Pick<Clock, 'now'>;
  random: Random;
}

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
/** RFC 8693 §3: an access token that is a JWT may be named so as well. */
const usableTypes: readonly unknown[] = [accessTokenType, 'urn:ietf:params:oauth:token-type:jwt'];

/** A token whose life the provider does not tell is asked for again after this, in seconds. */
const unknownLifeSeconds = 60;
/** Longer than this none is kept, whatever the provider says. */
const longestLifeSeconds = 24 * 3600;

/** Exchanges an access token for one of the target's (RFC 8693 §2.1). Never rejects for what the provider does. */
export function exchangeToken(source: TokenSource, subjectToken: string): Promise<Obtained> {
  return attempt(source, async () => {
    const { provider, target } = source;
    const tokens = await provider.client.exchangeToken(subjectToken, parametersOf(target));
    // §2.2.1: required, since something else than what was asked for may come.
    if (!usableTypes.includes(tokens.issuedType)) {
      throw new Error('the exchange gave something else than an access token');
    }
    return obtained(tokens, source);
  });
}

/** Takes a token of the client's own (RFC 6749 §4.4). Never rejects for what the provider does. */
export async function takeClientToken(source: TokenSource): Promise<Obtained> {
  const { provider, target } = source;
  const answer = await attempt(source, async () => {
    // The gateway, or the client that the target names.
    const { clientCredentials } = target.config;
    const as = typeof clientCredentials === 'object' ? clientCredentials : undefined;
    return obtained(await provider.client.takeClientToken(parametersOf(target), as), source);
  });
  // Nobody in particular was asked about: what is wrong is the set-up.
  return answer.kind === 'refused' ? { ...answer, code: 'token_unavailable' } : answer;
}

/**
 * Uses the refresh token of a session for a token of the target's (RFC 8707 §2.2). Never rejects for what the
 * provider does.
 * @param tell gets the token, before the outcome for the session is known to anybody
 */
export async function spendRefreshToken(
  source: TokenSource,
  session: Session,
  tell: (obtained: Obtained) => void,
): Promise<Spent> {
  const { provider, target } = source;
  const { refreshToken = '' } = session;
  let next = refreshToken;
  let end: string | undefined;
  const answer = await attempt(source, async () => {
    const parameters = parametersOf(target);
    try {
      const proof = await provider.client.proofOf(session.dpopKey);
      const tokens = await provider.client.refresh(refreshToken, proof, parameters);
      next = tokens.refreshToken ?? refreshToken;
      const { claims: idToken } = tokens;
      if (idToken) await provider.verifyIdToken(tokens);
      // OpenID Connect Core §12.2: the same person as before.
      if (idToken && idToken.sub !== session.subject) end = 'the refresh gave an ID token of somebody else';
      return obtained(tokens, source);
    } catch (error) {
      // Other errors may be about what was asked for beside the grant.
      const isOver = errorCodeIn(error) === 'invalid_grant' || isSpent(error);
      if (isOver || loginError(error).code === 'login_token_invalid') end = describeError(error);
      throw error;
    }
  });
  if (end !== undefined) return { kind: 'ended', reason: end };
  if (answer.kind === 'unavailable') return answer;
  tell(answer);
  return { kind: 'spent', refreshToken: next };
}

async function attempt(
  { provider, circuit, target, who, person, emit }: TokenSource,
  ask: () => Promise<Obtained>,
): Promise<Obtained> {
  await provider.settled();
  if (!provider.isReady()) return { kind: 'unavailable', retryAfter: 1 };
  const wait = circuit.blockedFor(who, person);
  if (wait > 0) return { kind: 'unavailable', retryAfter: wait };
  const facts = { provider: provider.name, way: target.way };
  try {
    const answer = await ask();
    circuit.succeeded(who);
    emit({ kind: 'upstream-token-taken', ...facts });
    return answer;
  } catch (error) {
    const reason = describeError(error);
    const verdict = judgeError(error);
    if (verdict.kind === 'unavailable' && loginError(error).code === 'provider_unavailable') {
      const retryAfter = Math.max(1, circuit.failed(who, verdict.retryAfter, person));
      emit({ kind: 'upstream-token-failed', ...facts, error, retryAfter });
      return { kind: 'unavailable', retryAfter };
    }
    circuit.ended(who);
    emit({ kind: 'upstream-token-failed', ...facts, error });
    if (isPassing(error)) return { kind: 'unavailable', retryAfter: 1 };
    // What a provider says in an error answer is about the person, unless it is about the set-up.
    const code = isOfSetUp(error) ? 'token_unavailable' : 'token_refused';
    return { kind: 'refused', code, reason };
  }
}

function obtained({ accessToken, type, expiresIn }: Tokens, { clock, random }: TokenSource): Obtained {
  // RFC 6749 §7.1: a type that is not understood must not be used; `N_A` and `DPoP` are no bearer tokens.
  if (type !== 'bearer') throw new Error('the token is not a bearer token');
  const lifeSeconds = Math.min(expiresIn ?? unknownLifeSeconds, longestLifeSeconds);
  const now = Math.floor(clock.now() / 1000);
  return {
    kind: 'token',
    token: accessToken,
    renewAt: refreshTime(lifeSeconds, now, random),
    expiresAt: now + lifeSeconds,
  };
}

function parametersOf({ parameters }: TokenAudience): URLSearchParams {
  const sent = new URLSearchParams();
  for (const [name, value] of parameters) sent.append(name, value);
  return sent;
}
