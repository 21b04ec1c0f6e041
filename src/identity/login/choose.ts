import { GatewayError } from '../../errors.ts';
import { type Answer, pageAnswer, redirectTo } from '../../pages/answer.ts';
import type { Choice } from '../../pages/html.ts';
import { type Text, text } from '../../pages/texts/text.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { setCookie } from '../../session/cookies.ts';
import type { BrowserRequest } from '../browser/browser-request.ts';
import { safeReturnTo } from '../browser/return-to.ts';
import type { Provider } from '../provider/provider.ts';
import type { Providers } from '../provider/providers.ts';
import type { StartLogin } from './start.ts';

/** What shows the providers. */
export interface SignInPageNeeds {
  /** The path below which the endpoints live. */
  prefix: string;
  providers: Pick<Providers, 'all'>;
  cookies: Pick<GatewayCookies, 'choice' | 'loginAttributes'>;
}

/** What begins a login at the provider of an address. */
export interface ChoiceNeeds extends SignInPageNeeds {
  /** Every origin that a return address may be on. */
  returnOrigins: ReadonlySet<string>;
  /** Whether the path rules let a return address on our own origins be asked for. */
  isReadable(url: string): boolean;
  start: StartLogin;
}

/** How long the browser remembers which provider was taken, in seconds: 180 days. */
const rememberedSeconds = 180 * 24 * 3600;

/**
 * The page on which people choose a provider; with one provider, straight on to the login. Where providers are
 * for people of certain email domains, the page asks for the address first.
 */
export function signInPage(
  parts: SignInPageNeeds,
  browser: Pick<BrowserRequest, 'cookies'>,
  rd: string | null,
  notice?: Text,
): Answer {
  const { prefix, providers, cookies } = parts;
  const [first, ...others] = providers.all;
  if (!first) throw new GatewayError('unknown_endpoint');
  const back = rd === null ? '' : `rd=${encodeURIComponent(rd)}`;
  if (others.length === 0) return redirectTo(back ? `${prefix}/start?${back}` : `${prefix}/start`);
  const last = browser.cookies.find(({ name }) => name === cookies.choice)?.value;
  const choices = providers.all.map(({ name, config }): Choice => {
    const href = `${prefix}/start?provider=${name}${back && `&${back}`}`;
    return { name: config.label ?? name, href, icon: config.icon, isLast: name === last };
  });
  return pageAnswer(notice === undefined ? 200 : 400, {
    title: text('choose.title'),
    message: text('choose.message'),
    detail: notice,
    choices: [...choices.filter(({ isLast }) => isLast), ...choices.filter(({ isLast }) => !isLast)],
    ...(providers.all.some(({ config }) => config.match) && {
      form: {
        action: back ? `${prefix}/sign_in?${back}` : `${prefix}/sign_in`,
        field: { name: 'email', type: 'email', label: text('choose.email'), autocomplete: 'username' },
        submit: text('choose.submit'),
      },
    }),
  });
}

/** The email address was given: on to the provider of its domain (identifier first). */
export async function chooseByEmail(
  parts: ChoiceNeeds,
  browser: BrowserRequest,
  rd: string | null,
  email: string,
): Promise<Answer> {
  const domain = /^[^@\s]+@([^@\s]+)$/.exec(email.trim())?.[1]?.toLowerCase();
  const provider = domain === undefined ? undefined : providerOfDomain(parts.providers.all, domain);
  if (!provider) {
    const notice =
      domain === undefined ? text('choose.email_invalid') : text('choose.domain_unknown', { domain });
    return signInPage(parts, browser, rd, notice);
  }
  const returnTo = safeReturnTo(rd, browser.origin, parts.returnOrigins, parts.isReadable);
  // Nobody fills in a form in circles, so this counts as an intent.
  const wanted = { returnTo, providers: [provider.name], loginHint: email.trim(), byIntent: true };
  return parts.start(browser, wanted);
}

function providerOfDomain(providers: readonly Provider[], domain: string): Provider | undefined {
  return providers.find(({ config }) =>
    config.match?.emailDomains.some((candidate) => candidate.toLowerCase() === domain),
  );
}

/** Set-Cookie values that remember the provider for the next time, where there is a choice. */
export function rememberChoice(
  { providers, cookies }: Pick<SignInPageNeeds, 'providers' | 'cookies'>,
  provider: string,
): string[] {
  if (providers.all.length < 2) return [];
  return [setCookie({ name: cookies.choice, value: provider }, cookies.loginAttributes, rememberedSeconds)];
}
