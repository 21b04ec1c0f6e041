import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Emit } from '../../observe/events.ts';
import { text } from '../../pages/texts/text.ts';
import type { Random } from '../../random.ts';
import { refreshTime } from '../../session/lifetime.ts';
import type { Session } from '../../session/session.ts';
import { type BrowserRequest, emitFor } from '../browser/browser-request.ts';
import { groupsAdvice } from '../claims/person.ts';
import { checkRequiredClaims, lacksRequired, subjectOf, type UserClaims } from '../claims/user-claims.ts';
import { type Collected, collectClaims } from '../provider/collect-claims.ts';
import { loginError } from '../provider/failure.ts';
import type { Provider } from '../provider/provider.ts';
import type { Providers } from '../provider/providers.ts';
import { claimsRefreshTime } from '../provider/refresh-claims.ts';
import { clockDifference } from '../provider/token-check-errors.ts';
import { type IdTokenClaims, isTokenType, type Tokens } from '../tokens/tokens.ts';
import { type AuthorizationResponse, readAuthorizationResponse } from './authorization-response.ts';
import type { PendingLogin } from './match-login.ts';
import type { MissingClaims } from './missing-claims.ts';
import { postedName } from './posted-name.ts';
import { callbackPath } from './start.ts';
import { unmetByLogin } from './step-up.ts';
import type { createSidWatch } from './unnamed-sessions.ts';

/** What ends a login. */
export interface FinishNeeds {
  /** The path below which the endpoints live. */
  prefix: string;
  providers: Pick<Providers, 'get'>;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  keepIdToken(provider: Provider): boolean;
  /** Milliseconds. */
  maxLifetime: number;
  /** A text of the provider without the secrets of the configuration, which it may repeat. */
  hide(text: string): string;
  missingClaims: MissingClaims;
  /** Looks whether a provider names sign-ins. */
  watchSid: ReturnType<typeof createSidWatch>;
  emit: Emit;
  clock: Clock;
  random: Random;
}

export interface FinishedLogin {
  session: Session;
  returnTo: string;
  /** What the sign-in lacks of what was asked: the session must not begin. */
  unmet: ReturnType<typeof unmetByLogin>;
}

/** What has to hold before the code is spent, as far as the library does not check it. */
function checkLogin(prefix: string, provider: Provider, login: PendingLogin, browser: BrowserRequest): void {
  // RFC 9700 §4.4.2.2: an answer at another provider's redirect URI is that provider's.
  if (login.origin !== browser.origin || browser.path !== callbackPath(prefix, provider)) {
    throw new GatewayError('login_state_mismatch', {
      cause: new Error(`the login began at ${login.origin} with provider ${login.provider}`),
    });
  }
}

/**
 * Ends a login: checks the authorization response, exchanges the code, checks the ID token and makes the
 * session. Rejects with GatewayError.
 */
export async function finishLogin(
  needs: FinishNeeds,
  login: PendingLogin,
  browser: BrowserRequest,
  response: AuthorizationResponse,
): Promise<FinishedLogin> {
  const provider = needs.providers.get(login.provider);
  if (!provider) {
    throw new GatewayError('login_state_mismatch', {
      cause: new Error(`the provider ${login.provider} is not configured here any more`),
    });
  }
  await provider.settled();
  // Nothing of it is looked at while the provider is unknown: the same answer may come again.
  provider.client.metadata();
  checkLogin(needs.prefix, provider, login, browser);
  const parameters = await readAuthorizationResponse(provider, response, needs.clock);
  const emit = emitFor(needs.emit, browser);
  try {
    const { client, config } = provider;
    const proof = await client.proofOf(login.dpopKey);
    const tokens = await exchange(provider, login, { browser, parameters, proof });
    const idToken = config.type === 'oidc' ? checkedIdToken(tokens) : undefined;
    const unmet = unmetByLogin(login.stepUp, idToken, needs.clock.now() / 1000);
    const { accessToken } = tokens;
    const posted = config.postedName ? postedName(response.parameters, config.claims.name) : undefined;
    const question = { accessToken, proof, idToken, subject: idToken?.sub, posted };
    const knowledge = await collectClaims({ ...needs, provider, emit }, question);
    needs.missingClaims.look(provider, knowledge.claims, emit);
    checkRequired(config, knowledge);
    const advice = groupsAdvice(provider.personRules, knowledge.claims);
    if (advice !== undefined)
      emit({ kind: 'groups-doubted', provider: provider.name, claim: config.claims.groups, advice });
    needs.watchSid(provider, idToken, emit);
    const session = newSession(needs, provider, { login, tokens, idToken, knowledge });
    return { session, returnTo: login.returnTo, unmet };
  } catch (error) {
    const seconds = clockDifference(error, needs.clock.now() / 1000);
    if (seconds === undefined) throw loginError(error, needs.hide);
    emit({ kind: 'clock-differs', provider: provider.name, seconds });
    const detail = text('detail.clocks_differ', { seconds: String(Math.abs(seconds)) });
    throw new GatewayError('login_token_invalid', { detail, cause: error });
  }
}

/** Throws where a required claim is lacking: as an outage while the source that may have it is out, else as a refusal. */
function checkRequired(config: Provider['config'], { claims, lacking }: Collected): void {
  const isOut = lacking !== undefined && loginError(lacking).code === 'provider_unavailable';
  if (isOut && lacksRequired(config, claims)) throw lacking;
  checkRequiredClaims(config, claims);
}

interface Exchange {
  browser: BrowserRequest;
  parameters: URLSearchParams;
  proof: Awaited<ReturnType<Provider['client']['proofOf']>>;
}

/** Exchanges the code, and checks what comes of it. */
async function exchange(
  provider: Provider,
  login: PendingLogin,
  { browser, parameters, proof }: Exchange,
): Promise<Tokens> {
  // The redirect URI is made of what is configured; Host and X-Forwarded-* have no say in it.
  const response = new URL(`${login.origin}${browser.path}?${parameters}`);
  const { state, nonce, codeVerifier, maxAge } = login;
  const tokens = await provider.client.exchangeCode(response, { state, nonce, codeVerifier, maxAge }, proof);
  if (provider.config.type === 'oidc') await provider.verifyIdToken(tokens);
  if (isTokenType(login, tokens)) return tokens;
  const expected = login.dpopKey === undefined ? 'Bearer' : 'DPoP';
  const detail = text('detail.other_token_type', { type: expected });
  throw new GatewayError('login_response_invalid', { detail });
}

function checkedIdToken({ claims }: Tokens): IdTokenClaims & { sub: string } {
  if (!claims || typeof claims.sub !== 'string' || claims.sub === '') {
    throw new GatewayError('login_token_invalid', { detail: text('detail.nobody_named') });
  }
  return { ...claims, sub: claims.sub };
}

interface Obtained {
  login: PendingLogin;
  tokens: Tokens;
  idToken: (IdTokenClaims & { sub: string }) | undefined;
  knowledge: UserClaims;
}

function newSession(
  { maxLifetime, keepIdToken, clock, random }: FinishNeeds,
  provider: Provider,
  { login, tokens, idToken, knowledge }: Obtained,
): Session {
  const { claims, fetched } = knowledge;
  const { accessToken, refreshToken, expiresIn } = tokens;
  const exactly = clock.now() / 1000;
  const now = Math.floor(exactly);
  const sid = idToken?.sid;
  // Without an ID token the collecting of claims has made sure that there is one.
  const subject = idToken?.sub ?? subjectOf(claims[provider.config.claims.user]) ?? '';
  return {
    id: randomBytes(16).toString('base64url'),
    provider: provider.name,
    subject,
    providerSessionId: typeof sid === 'string' ? sid : undefined,
    claims,
    fetchedClaims: fetched,
    claimsRefreshAt: claimsRefreshTime(provider, now, random),
    accessToken,
    accessTokenExpiresAt: expiresIn === undefined ? undefined : now + expiresIn,
    refreshAt: expiresIn === undefined ? undefined : refreshTime(expiresIn, now, random),
    refreshToken,
    dpopKey: login.dpopKey,
    idToken: idToken && keepIdToken(provider) ? tokens.idToken : undefined,
    createdAt: exactly,
    seenAt: now,
    expiresAt: now + Math.floor(maxLifetime / 1000),
  };
}
