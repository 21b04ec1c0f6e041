import type { StepUpConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import type { HeaderFields } from '../../listen/inbound.ts';
import { type Answer, redirectTo } from '../../pages/answer.ts';
import { text } from '../../pages/texts/text.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { BrowserRequest } from '../browser/browser-request.ts';
import { safeReturnTo } from '../browser/return-to.ts';
import type { Providers } from '../provider/providers.ts';
import { canBeRight } from './authorization-request.ts';
import type { StartLogin } from './start.ts';

/** What begins a login by an address of the gateway. */
export interface LoginByAddressNeeds {
  /** Every origin that a return address may be on. */
  returnOrigins: ReadonlySet<string>;
  /** Whether the path rules let a return address on an origin of the gateway be asked for. */
  isReadable(url: string): boolean;
  /** What the route of a request asks of a sign-in. */
  findStepUp(url: string, method?: string): StepUpConfig | undefined;
  sessions: Pick<Sessions, 'peek'>;
  providers: Pick<Providers, 'named'>;
  start: StartLogin;
}

/** What begins a login that another site asked for. */
export interface InitiateNeeds extends LoginByAddressNeeds {
  /** The application lives in frames of other sites. */
  isFramed: boolean;
}

const named = ['iss', 'target_link_uri', 'login_hint'] as const;

/**
 * Begins a login that a provider, or a page of its own, sends somebody to (OpenID Connect Core §4): at the provider that
 * `iss` names, on to `target_link_uri` by the rule of `rd`. The state is this browser's all the same, so that nobody can
 * end here a login that began elsewhere. A person who is signed in with that provider is not signed in anew, unless the hint
 * may mean somebody else: a link of another site changes no session by itself. Rejects with GatewayError.
 */
export async function initiateLogin(
  needs: InitiateNeeds,
  browser: BrowserRequest,
  request: { method: string; headers: HeaderFields },
  parameters: URLSearchParams,
): Promise<Answer> {
  refuseHidden(request.headers, needs.isFramed);
  for (const name of named) if (parameters.getAll(name).length > 1) throw malformed(name);
  const names = namedProviders(needs.providers, new URLSearchParams({ iss: parameters.get('iss') ?? '' }));
  const loginHint = parameters.get('login_hint') || undefined;
  if (loginHint !== undefined && !canBeRight('login_hint', loginHint)) throw malformed('login_hint');
  const target = parameters.get('target_link_uri');
  const returnTo = safeReturnTo(target, browser.origin, needs.returnOrigins, needs.isReadable);
  const session = await needs.sessions.peek(browser.cookies);
  const isIn = session !== undefined && names?.includes(session.provider) === true;
  const stepUp = needs.findStepUp(returnTo);
  const answer =
    isIn && loginHint === undefined
      ? redirectTo(returnTo)
      : await needs.start(browser, {
          returnTo,
          providers: names,
          loginHint,
          byIntent: session !== undefined,
          stepUp: stepUp && { ...stepUp, attempt: 1 },
          hasSession: session !== undefined,
        });
  // RFC 9110 §15.4.4: after a POST, it is the redirect that surely is a GET.
  return request.method === 'POST' && answer.status === 302 ? { ...answer, status: 303 } : answer;
}

/**
 * Nobody is signed in without seeing it, by a frame, an image or a script (OpenID Connect Core §4, on clickjacking).
 * Browsers that send no Fetch Metadata cannot tell; theirs have the cookies of logins as `SameSite=Lax`.
 */
function refuseHidden(headers: HeaderFields, isFramed: boolean): void {
  const mode = headers['sec-fetch-mode'];
  const to = headers['sec-fetch-dest'];
  const isShown = to === undefined || to === 'document' || (isFramed && (to === 'iframe' || to === 'frame'));
  if (!isShown || (mode !== undefined && mode !== 'navigate')) throw new GatewayError('cross_site');
}

/**
 * The names of the providers that an address asks for, by `provider`, by `iss`, or by both, which have to agree; undefined
 * where it asks for none. Throws GatewayError 404 where there is no such provider, and 400 for two issuers.
 */
export function namedProviders(
  providers: Pick<Providers, 'named'>,
  query: URLSearchParams,
): readonly string[] | undefined {
  const provider = query.get('provider');
  const [iss, ...others] = query.getAll('iss');
  if (others.length > 0) throw malformed('iss');
  if (iss === undefined) return provider === null ? undefined : [provider];
  const names = providers.named(iss).map(({ name }) => name);
  const wanted = provider === null ? names : names.filter((name) => name === provider);
  if (wanted.length === 0) throw new GatewayError('unknown_provider');
  return wanted;
}

const malformed = (name: string) =>
  new GatewayError('malformed_request', { detail: text('detail.parameter_invalid', { name }) });
