import { GatewayError } from '../../errors.ts';
import type { HeaderFields } from '../../listen/inbound.ts';
import type { Emit } from '../../observe/events.ts';
import type { Answer } from '../../pages/answer.ts';
import { text } from '../../pages/texts/text.ts';
import type { GatewayCookies } from '../../session/cookie-names.ts';
import { expireCookies } from '../../session/cookies.ts';
import type { Sessions } from '../../session/sessions.ts';
import { askedBy, type BrowserRequest } from '../browser/browser-request.ts';
import type { Provider } from '../provider/provider.ts';
import type { Providers } from '../provider/providers.ts';

/** What a frame of a provider's page signs out with. */
export interface FrontChannelNeeds {
  providers: Pick<Providers, 'ofIssuer' | 'settled'>;
  sessions: Pick<Sessions, 'revoke' | 'peek' | 'end'>;
  cookies: Pick<GatewayCookies, 'session' | 'attributes'>;
  /** Nobody is signed out by a GET that names no session. */
  requirePost: boolean;
  emit: Emit;
}

type Asking = Pick<BrowserRequest, 'origin' | 'requestId' | 'client' | 'traceId' | 'cookies'>;

/**
 * The provider says through the browser, in a frame of its own page, that a sign-in has ended (OpenID Connect
 * Front-Channel Logout 1.0 §2). Cookies mostly don't come along there, so the session is named by `sid`, which nobody can
 * guess. Some providers put no `sid` into ID tokens, and send none here or one that means nothing: then it is the session
 * whose cookie does come along, if that provider made it.
 */
export async function handleFrontChannel(
  needs: FrontChannelNeeds,
  browser: Asking,
  headers: HeaderFields,
  query: URLSearchParams,
): Promise<Answer> {
  const { sessions, providers, emit } = needs;
  await providers.settled();
  const [sid = '', ...otherSids] = query.getAll('sid');
  const [iss, ...otherIssuers] = query.getAll('iss');
  const named = iss === undefined ? [] : providers.ofIssuer(iss);
  if (iss === undefined || named.length === 0 || otherSids.length > 0 || otherIssuers.length > 0) refuse();
  const setCookies = await endCarried(needs, browser, headers, named);
  if (sid === '' && setCookies === undefined) refuse();
  for (const { name } of named) {
    if (sid !== '') await sessions.revoke({ kind: 'sid', provider: name, sid }, 'claimed');
    emit({ kind: 'front-channel-logout', provider: name, origin: browser.origin, ...askedBy(browser) });
  }
  return {
    status: 200,
    headers: {
      'cache-control': 'no-store',
      'content-security-policy': `default-src 'none'; frame-ancestors ${new URL(iss).origin}`,
      ...(setCookies && { 'set-cookie': [...setCookies] }),
    },
    body: '',
  };
}

function refuse(): never {
  throw new GatewayError('malformed_request', { detail: text('detail.session_not_named') });
}

/**
 * Ends the session whose cookie comes along, where its provider is one of these and gave it no `sid` by which it could be
 * named. Gives the Set-Cookie values that take the cookie away; undefined where there is no such session.
 */
async function endCarried(
  { sessions, cookies, requirePost }: FrontChannelNeeds,
  browser: Asking,
  headers: HeaderFields,
  named: readonly Provider[],
): Promise<readonly string[] | undefined> {
  if (requirePost || !named.some((provider) => isFrameOf(provider, headers))) return undefined;
  const session = await sessions.peek(browser.cookies);
  if (!session || session.providerSessionId !== undefined) return undefined;
  if (!named.some(({ name }) => name === session.provider)) return undefined;
  await sessions.end(browser.cookies);
  const names = browser.cookies.map(({ name }) => name);
  const ofSession = names.filter(
    (name) => name === cookies.session || name.startsWith(`${cookies.session}.`),
  );
  return expireCookies(ofSession, cookies.attributes);
}

/**
 * Whether a request may come from a frame of a provider's page, as far as the browser tells. A page that the person went
 * to is none; what comes with a referrer has to come from the provider; and what another site sends has to have one.
 */
function isFrameOf({ client }: Provider, headers: HeaderFields): boolean {
  const { referer } = headers;
  const dest = headers['sec-fetch-dest'];
  if (dest !== undefined && dest !== 'iframe' && dest !== 'frame') return false;
  if (referer === undefined) return headers['sec-fetch-site'] !== 'cross-site';
  const { issuer, authorization_endpoint: login, end_session_endpoint: logout } = client.metadata();
  const origins = [issuer, login, logout].flatMap((url) => (url === undefined ? [] : [new URL(url).origin]));
  return URL.canParse(referer) && origins.includes(new URL(referer).origin);
}
