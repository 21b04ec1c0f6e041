import {
  allowInsecureRequests,
  ClientSecretPost,
  Configuration,
  clientCredentialsGrant,
  customFetch,
  genericGrantRequest,
  refreshTokenGrant,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from 'openid-client';
import { describeError, type Logger } from '../../observe/log.ts';
import { systemRandom } from '../../random.ts';
import { refreshTime } from '../../session/lifetime.ts';
import type { Spent } from '../../session/refresh.ts';
import type { Session } from '../../session/session.ts';
import type { Circuit } from '../provider/circuit.ts';
import { clientSecretBasic } from '../provider/client-secret-basic.ts';
import { dpopHandle } from '../provider/dpop.ts';
import { isSpent } from '../provider/endpoint-error.ts';
import { loginError } from '../provider/failure.ts';
import { verifyIdToken } from '../provider/id-token.ts';
import { isLoopback } from '../provider/loopback.ts';
import type { Provider } from '../provider/provider.ts';
import { readOAuthError } from '../provider/token-answer.ts';
import { answerOf, judge, judgeError } from '../provider/verdict.ts';
import type { TokenTarget } from './target.ts';

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
  target: TokenTarget;
  /** Whose trouble it is, where only one person meets it; the same text for all that is the gateway's own. */
  who: string;
  /** Whose that is, where one person may have several; undefined where nobody knows. */
  person: string | undefined;
  log: Logger;
}

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
/** RFC 8693 §3: an access token that is a JWT may be named so as well. */
const usableTypes: readonly unknown[] = [accessTokenType, 'urn:ietf:params:oauth:token-type:jwt'];

/** A token whose life the provider does not tell is asked for again after this, in seconds. */
const unknownLifeSeconds = 60;
/** Longer than this none is kept, whatever the provider says. */
const longestLifeSeconds = 24 * 3600;

/** Errors (RFC 6749 §5.2) that pass, whatever their status. */
const passing: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down']);

/** Exchanges an access token for one of the target's (RFC 8693 §2.1). Never rejects for what the provider does. */
export function exchangeToken(source: TokenSource, subjectToken: string): Promise<Obtained> {
  return attempt(source, async () => {
    const parameters = parametersOf(source.target);
    parameters.set('subject_token', subjectToken);
    parameters.set('subject_token_type', accessTokenType);
    parameters.set('requested_token_type', accessTokenType);
    const tokens = await genericGrantRequest(source.provider.client(), exchangeGrant, parameters);
    // §2.2.1: required, since something else than what was asked for may come.
    if (!usableTypes.includes(tokens.issued_token_type)) {
      throw new Error('the exchange gave something else than an access token');
    }
    return obtained(tokens);
  });
}

/** Takes a token of the client's own (RFC 6749 §4.4). Never rejects for what the provider does. */
export async function takeClientToken(source: TokenSource): Promise<Obtained> {
  const answer = await attempt(source, async () => {
    return obtained(await clientCredentialsGrant(clientOf(source), parametersOf(source.target)));
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
      const client = provider.refreshClient();
      const dpop = await dpopHandle(client, session.dpopKey);
      const tokens = await refreshTokenGrant(client, refreshToken, parameters, dpop && { DPoP: dpop });
      next = tokens.refresh_token ?? refreshToken;
      const idToken = tokens.claims();
      if (idToken) await verifyIdToken(provider, tokens);
      // OpenID Connect Core §12.2: the same person as before.
      if (idToken && idToken.sub !== session.subject) end = 'the refresh gave an ID token of somebody else';
      return obtained(tokens);
    } catch (error) {
      // Other errors may be about what was asked for beside the grant.
      const isOver = errorIn(error) === 'invalid_grant' || isSpent(error);
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
  { provider, circuit, target, who, person, log }: TokenSource,
  ask: () => Promise<Obtained>,
): Promise<Obtained> {
  if (!provider.isReady()) return { kind: 'unavailable', retryAfter: 1 };
  const wait = circuit.blockedFor(who, person);
  if (wait > 0) return { kind: 'unavailable', retryAfter: wait };
  const facts = { provider: provider.name, way: target.way };
  try {
    const answer = await ask();
    circuit.succeeded(who);
    log.debug(facts, 'upstream token');
    return answer;
  } catch (error) {
    const reason = describeError(error);
    const verdict = judgeError(error);
    if (verdict.kind === 'unavailable' && loginError(error).code === 'provider_unavailable') {
      const retryAfter = Math.max(1, circuit.failed(who, verdict.retryAfter, person));
      log.warn({ ...facts, reason, retryAfter }, 'no upstream token: the provider is out');
      return { kind: 'unavailable', retryAfter };
    }
    circuit.ended(who);
    log.warn({ ...facts, reason }, 'no upstream token');
    if (passing.has(errorIn(error) ?? '')) return { kind: 'unavailable', retryAfter: 1 };
    return { kind: 'refused', code: refusalCode(error), reason };
  }
}

/** What a provider says in an error answer. */
function errorIn(error: unknown): string | undefined {
  const { body = '', contentType } = answerOf(error);
  return readOAuthError(body, contentType)?.error;
}

/** What the provider says in an error answer is about the person, unless it is about the set-up. */
function refusalCode(error: unknown): 'token_refused' | 'token_unavailable' {
  const said = errorIn(error);
  const isOperators =
    said === undefined ||
    said === 'unsupported_grant_type' ||
    judge(answerOf(error)).kind === 'client-rejected';
  return isOperators ? 'token_unavailable' : 'token_refused';
}

function obtained(tokens: TokenEndpointResponse & TokenEndpointResponseHelpers): Obtained {
  // RFC 6749 §7.1: a type that is not understood must not be used; `N_A` and `DPoP` are no bearer tokens.
  if (tokens.token_type.toLowerCase() !== 'bearer') throw new Error('the token is not a bearer token');
  const expiresIn = Math.min(tokens.expiresIn() ?? unknownLifeSeconds, longestLifeSeconds);
  const now = Math.floor(Date.now() / 1000);
  const { access_token: token } = tokens;
  return {
    kind: 'token',
    token,
    renewAt: refreshTime(expiresIn, now, systemRandom),
    expiresAt: now + expiresIn,
  };
}

function parametersOf({ parameters }: TokenTarget): URLSearchParams {
  const sent = new URLSearchParams();
  for (const [name, value] of parameters) sent.append(name, value);
  return sent;
}

/** The provider's client, or the one that the target names. */
function clientOf({ provider, target }: TokenSource): Configuration {
  const own = target.config.clientCredentials;
  const client = provider.client();
  if (typeof own === 'boolean') return client;
  const server = client.serverMetadata();
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const authenticate = methods.includes('client_secret_basic') ? clientSecretBasic : ClientSecretPost;
  const another = new Configuration(server, own.clientId, {}, authenticate(own.clientSecret));
  const fetch = client[customFetch];
  if (fetch) another[customFetch] = fetch;
  another.timeout = client.timeout;
  const { config } = provider;
  if (config.insecureHttp || isLoopback(new URL(config.issuer))) allowInsecureRequests(another);
  return another;
}
