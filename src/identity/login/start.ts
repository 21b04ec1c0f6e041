import type { Clock } from '../../clock.ts';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { type Answer, redirectTo } from '../../pages/answer.ts';
import { text } from '../../pages/texts/text.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { BrowserRequest } from '../browser/browser-request.ts';
import { type AccountPrompt, accountParameters, type OtherAccounts } from '../browser/other-account.ts';
import { shortened } from '../browser/return-to.ts';
import { isMarkedSignedOut, signedOutPath } from '../browser/signed-out.ts';
import type { Provider } from '../provider/provider.ts';
import type { Providers } from '../provider/providers.ts';
import { createDpopKey } from '../tokens/dpop-key.ts';
import type { RefreshReach } from '../upstream-token/target.ts';
import { allowedParameters, authorizationParameters, authorizationUrl } from './authorization-request.ts';
import { createLoginSecret, deriveProofs, type LoginCookies, type LoginSecrets } from './login-cookie.ts';
import type { LoginStates } from './login-state.ts';
import type { Rounds } from './rounds.ts';
import { type StepUpRequest, stepUpParameters } from './step-up.ts';

/** What starts a login. */
export interface StartNeeds {
  /** The path below which the endpoints live. */
  prefix: string;
  cookies: Pick<GatewayCookies, 'signedOut'>;
  providers: Pick<Providers, 'all' | 'get'>;
  loginStates: Pick<LoginStates, 'seal'>;
  loginCookies: Pick<LoginCookies, 'remember'>;
  otherAccounts: Pick<OtherAccounts, 'promptFor' | 'forget'>;
  rounds: Pick<Rounds, 'isLoop' | 'reset'>;
  sessions: Pick<Sessions, 'unusable'>;
  /** What upstreams need of the refresh tokens of a provider, by its name. */
  reachOf(provider: string): RefreshReach;
  clock: Pick<Clock, 'now'>;
}

/** What somebody wants who is sent to sign in. */
export interface LoginRequest {
  /** Where to go afterwards: an absolute URL that is known to be safe. */
  returnTo: string;
  /** The names of the providers that will do, the first of them best; none for all. */
  providers?: readonly string[] | undefined;
  /** They want it, with a session or by a form that they sent: who does so by intent is in no loop. */
  byIntent?: boolean;
  /** Who it probably is (OpenID Connect Core §3.1.2.1). */
  loginHint?: string | undefined;
  /** How strong and how recent the sign-in has to be (RFC 9470). */
  stepUp?: StepUpRequest | undefined;
  /** The browser has a session, and it is not strong enough. */
  hasSession?: boolean;
  /** What the address of `start` asks for; of it passes what the configuration allows. */
  asked?: URLSearchParams | undefined;
  /** How many logins in a row came back to this browser without their cookies. */
  again?: number;
}

/** Starts a login, as whoever needs one is given it. Rejects with GatewayError. */
export type StartLogin = (browser: BrowserRequest, wanted: LoginRequest) => Promise<Answer>;

/** Bytes of a return address that the state takes along. */
const longestInState = 1024;
/** A login cookie must stay below 4096 bytes; a longer address is kept without its query, or not at all. */
const longestInCookie = 2600;

/**
 * Starts a login: an authorization request (RFC 6749 §4.1.1) with state, nonce and PKCE S256, bound to this
 * browser; where there is a choice of providers, the way to the page where people choose. Rejects with
 * GatewayError when the provider is away or when logins have been going round in circles.
 */
export async function startLogin(
  parts: StartNeeds,
  browser: BrowserRequest,
  wanted: LoginRequest,
): Promise<Answer> {
  const { returnTo } = wanted;
  // Who has just signed out wants no new login; a proxy that only asks hands the way to the page on.
  if (returnTo === `${browser.origin}/` && isMarkedSignedOut(parts.cookies, browser.cookies))
    return redirectTo(browser.origin + signedOutPath(parts.prefix));
  const provider = chosenProvider(parts.providers, wanted);
  const unusable = parts.sessions.unusable(browser.cookies);
  if (!provider) return redirectTo(signInUrl(parts.prefix, browser, returnTo), unusable);
  await provider.settled();
  const accountPrompt = parts.otherAccounts.promptFor(provider, browser.cookies);
  // Nobody asks for another account in circles.
  if (!wanted.byIntent && accountPrompt === undefined) refuseLoop(parts.rounds, browser, wanted);
  const { config } = provider;
  const fresh = freshLogin(config);
  const stepUp = wanted.stepUp && notWeaker(wanted.stepUp, config);
  const state = parts.loginStates.seal({
    provider: provider.name,
    origin: browser.origin,
    returnTo: shortened(returnTo, longestInState),
    startedAt: Math.floor(parts.clock.now() / 1000),
    stepUp,
    again: wanted.again ?? 0,
  });
  const redirectUri = browser.origin + callbackPath(parts.prefix, provider);
  const parameters = authorizationParameters(
    withReach(config, parts.reachOf(provider.name)),
    { redirectUri, state, ...deriveProofs(fresh.secret), dpopKey: fresh.dpopKey },
    {
      ...(wanted.asked && allowedParameters(config, wanted.asked)),
      ...(wanted.loginHint !== undefined && { login_hint: wanted.loginHint }),
      ...accountParameters(accountPrompt, config.prompt),
      ...stepUpParameters(stepUp),
    },
  );
  const location = await authorizationUrl(provider, parameters);
  if (browser.isProbe) return redirectTo(location.href);
  // What a step-up asks for is looked at by itself, since it may be asked for again.
  const maxAge = stepUp?.maxAge === undefined ? parameters.get('max_age') : null;
  const secrets = secretsOf(fresh, { maxAge, returnTo, accountPrompt });
  const isPosted = config.responseMode === 'form_post';
  const cookies = parts.loginCookies.remember(state, secrets, browser.cookies, isPosted);
  return redirectTo(location.href, [...cookies, ...unusable, ...parts.otherAccounts.forget(browser.cookies)]);
}

/** What nobody else knows of a login. */
function freshLogin({ dpop }: ProviderConfig): Pick<LoginSecrets, 'secret' | 'dpopKey'> {
  return { secret: createLoginSecret(), dpopKey: dpop ? createDpopKey() : undefined };
}

interface Remembered {
  maxAge: string | null;
  returnTo: string;
  accountPrompt: AccountPrompt | null | undefined;
}

/** What the browser keeps of a login. */
function secretsOf(
  fresh: ReturnType<typeof freshLogin>,
  { maxAge, returnTo, accountPrompt }: Remembered,
): LoginSecrets {
  const isLong = shortened(returnTo, longestInState) !== returnTo;
  return {
    ...fresh,
    maxAge: maxAge === null ? undefined : Number(maxAge),
    returnTo: isLong ? shortened(returnTo, longestInCookie) : undefined,
    accountPrompt: accountPrompt ?? undefined,
  };
}

/** Throws GatewayError where logins of this browser have been going round in circles. */
function refuseLoop(rounds: StartNeeds['rounds'], { cookies }: BrowserRequest, wanted: LoginRequest): void {
  if (!rounds.isLoop(cookies)) return;
  const { returnTo } = wanted;
  // The count starts over, so that trying again is a real attempt.
  const setCookies = rounds.reset(cookies);
  if (wanted.stepUp && wanted.hasSession) {
    // Stronger sign-ins went well, and whoever asked for them asks again.
    const detail = text('detail.signed_in_in_vain');
    throw new GatewayError('step_up_failed', { detail, setCookies, returnTo });
  }
  const detail = text('detail.cookies_blocked');
  throw new GatewayError('login_loop', { detail, setCookies, returnTo });
}

/** What every login at the provider asks for holds for a step-up too. */
function notWeaker(stepUp: StepUpRequest, { maxAge }: ProviderConfig): StepUpRequest {
  if (stepUp.maxAge === undefined || maxAge === undefined) return stepUp;
  return { ...stepUp, maxAge: Math.min(stepUp.maxAge, maxAge) };
}

/** The provider's settings, with what the refresh tokens are to be good for. */
function withReach(config: ProviderConfig, { resources, scopes }: RefreshReach): ProviderConfig {
  const resource = [...new Set([...(config.resource ?? []), ...resources])];
  return { ...config, scopes: [...config.scopes, ...scopes], ...(resource.length > 0 && { resource }) };
}

/** The provider of a login; undefined where the person has to choose. Throws GatewayError where there is none. */
function chosenProvider(
  providers: StartNeeds['providers'],
  { providers: names }: LoginRequest,
): Provider | undefined {
  const wanted = names?.flatMap((name) => providers.get(name) ?? []) ?? providers.all;
  const [first, ...others] = wanted;
  if (!first) throw new GatewayError(providers.all.length === 0 ? 'not_signed_in' : 'unknown_provider');
  return names === undefined && others.length > 0 ? undefined : first;
}

/** Where people choose a provider: an absolute URL. */
function signInUrl(prefix: string, browser: BrowserRequest, returnTo: string): string {
  const rd = returnTo.startsWith(`${browser.origin}/`) ? returnTo.slice(browser.origin.length) : returnTo;
  return `${browser.origin}${prefix}/sign_in?rd=${encodeURIComponent(rd)}`;
}

/** The path of a provider's callback, the same for every origin. */
export function callbackPath(prefix: string, { name, config }: Provider): string {
  return config.ownCallback ? `${prefix}/callback/${name}` : `${prefix}/callback`;
}
