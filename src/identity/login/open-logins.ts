import type { Clock } from '../../clock.ts';
import type { Config, StepUpConfig } from '../../config/schema/index.ts';
import type { Keep } from '../../holdings.ts';
import type { HeaderFields } from '../../listen/inbound.ts';
import type { Emit } from '../../observe/events.ts';
import { hiderOf } from '../../observe/known-secrets.ts';
import type { Answer } from '../../pages/answer.ts';
import type { Random } from '../../random.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import type { KeyRing } from '../../session/key-ring.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { ClaimDesk } from '../../session/shared/shared.ts';
import type { BrowserRequest } from '../browser/browser-request.ts';
import { createOtherAccounts } from '../browser/other-account.ts';
import { needsIdToken } from '../logout/end-session.ts';
import type { Providers } from '../provider/providers.ts';
import { refreshReach } from '../upstream-token/target.ts';
import type { AuthorizationResponse } from './authorization-response.ts';
import { type BeginNeeds, beginLogin } from './begin.ts';
import { type FinishNeeds, finishLogin } from './callback.ts';
import { type ChoiceNeeds, chooseByEmail, rememberChoice, signInPage } from './choose.ts';
import { type EndNeeds, endLogin } from './end.ts';
import { type InitiateNeeds, initiateLogin } from './initiate.ts';
import { answerLate, type LateNeeds } from './late.ts';
import { createLoginCookies } from './login-cookie.ts';
import { createLoginStates } from './login-state.ts';
import { type MatchNeeds, matchLogin } from './match-login.ts';
import { createMissingClaims, type NamedClaims } from './missing-claims.ts';
import { createRounds } from './rounds.ts';
import { type StartLogin, type StartNeeds, startLogin } from './start.ts';
import { createSidWatch } from './unnamed-sessions.ts';
import { createUsedStates } from './used-states.ts';

export interface LoginsNeeds {
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  /** Whether headers use the ID token. */
  idToken: boolean;
  namedClaims: NamedClaims;
  keep: Keep;
  providers: Providers;
  sessions: Sessions;
  /** Where each login counts once among all processes. */
  desk: ClaimDesk;
  cookies: GatewayCookies;
  ring: KeyRing;
  /** Whether the path rules let a return address on our own origins be asked for. */
  isReadable(url: string): boolean;
  /** What the route of a request asks of a sign-in. */
  findStepUp(url: string, method?: string): StepUpConfig | undefined;
  emit: Emit;
  clock: Clock;
  random: Random;
}

type LoginsConfig = Pick<Config, 'endpoints' | 'publicUrl' | 'routes' | 'session' | 'secrets'>;

/** How people sign in. What throws or rejects does so with GatewayError. */
export interface LoginPort {
  start: StartLogin;
  /** Begins the login that an address asks for. */
  begin(browser: BrowserRequest, query: URLSearchParams): Promise<Answer>;
  /** Begins the login that another site sends somebody to. */
  initiate(
    browser: BrowserRequest,
    request: { method: string; headers: HeaderFields },
    parameters: URLSearchParams,
  ): Promise<Answer>;
  /** The page on which people choose a provider. @param rd where to go afterwards, as it was asked for */
  signInPage(browser: BrowserRequest, rd: string | null): Answer;
  /** On to the provider of an email address. */
  chooseByEmail(browser: BrowserRequest, rd: string | null, email: string): Promise<Answer>;
  /** Answers an authorization response. */
  callback(browser: BrowserRequest, response: AuthorizationResponse): Promise<Answer>;
}

/** Opens the logins, from the way to the provider to the session. Nothing of it outlives a configuration. */
export function openLogins(config: LoginsConfig, needs: LoginsNeeds): LoginPort {
  const { cookies, ring, clock, desk, idToken } = needs;
  const returnOrigins = new Set(config.publicUrl);
  const common = {
    ...needs,
    prefix: config.endpoints.prefix,
    returnOrigins,
    loginStates: createLoginStates(ring, returnOrigins),
    loginCookies: createLoginCookies(cookies, ring),
    otherAccounts: createOtherAccounts(cookies, ring, clock),
    rounds: createRounds(cookies, ring, clock),
  };
  const starting: StartNeeds = {
    ...common,
    reachOf: (provider) => refreshReach(config.routes, provider),
  };
  const start: StartLogin = (browser, wanted) => startLogin(starting, browser, wanted);
  const late: LateNeeds = { ...common, start };
  const matching: MatchNeeds = { ...common, usedStates: createUsedStates(desk) };
  const finishing: FinishNeeds = {
    ...common,
    keepIdToken: (provider) => idToken || needsIdToken(provider),
    maxLifetime: config.session.maxLifetime,
    hide: hiderOf(config.secrets),
    missingClaims: createMissingClaims(needs.namedClaims, {
      providers: needs.providers.all,
      keep: needs.keep,
    }),
    watchSid: createSidWatch(),
  };
  const ending: EndNeeds = {
    ...common,
    start,
    match: (browser, response) => matchLogin(matching, browser, response),
    finish: (login, browser, response) => finishLogin(finishing, login, browser, response),
    answerLate: (browser, response, login) => answerLate(late, browser, response, login),
    rememberChoice: (provider) => rememberChoice(common, provider),
  };
  const beginning: BeginNeeds = { ...common, start };
  const initiating: InitiateNeeds = {
    ...common,
    start,
    isFramed: config.session.cookie.sameSite === 'none',
  };
  const choosing: ChoiceNeeds = { ...common, start };
  return {
    start,
    begin: (browser, query) => beginLogin(beginning, browser, query),
    initiate: (browser, request, parameters) => initiateLogin(initiating, browser, request, parameters),
    signInPage: (browser, rd) => signInPage(choosing, browser, rd),
    chooseByEmail: (browser, rd, email) => chooseByEmail(choosing, browser, rd, email),
    callback: (browser, response) => endLogin(ending, browser, response),
  };
}
