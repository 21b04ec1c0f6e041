import type { HeaderFields } from '../listen/inbound.ts';
import type { Answer } from '../pages/answer.ts';
import type { Cookie } from '../session/cookies.ts';
import type { BrowserRequest } from './browser/browser-request.ts';
import type { LoginPort } from './login/open-logins.ts';
import type { LoginRequest } from './login/start.ts';
import type { SignOutPort } from './logout/open-sign-out.ts';
import type { Providers } from './provider/providers.ts';
import { type UserinfoNeeds, userinfo } from './userinfo.ts';

/** What an endpoint is told of a request. */
export interface EndpointCall {
  browser: BrowserRequest;
  query: URLSearchParams;
  /** The fields of a form that was posted; none for any other request. */
  form: URLSearchParams;
  request: { method: string; headers: HeaderFields };
}

/** One of the gateway's own endpoints. */
export interface Endpoint {
  method: 'GET' | 'POST' | 'OPTIONS';
  /** Below the prefix. */
  name: string;
  /** Programs try by HEAD where a link leads to before they open it; nothing begins or ends with that. */
  head?: boolean;
  /** Rejects with GatewayError. */
  handle(call: EndpointCall): Answer | Promise<Answer>;
}

/** What requests need of the login, wherever they go. */
export interface Logins {
  /** Whether there is a provider to sign in at. */
  isPossible: boolean;
  /** Begins a login. Rejects with GatewayError. */
  start(browser: BrowserRequest, wanted: LoginRequest): Promise<Answer>;
  /** The page for somebody who comes back signed out; undefined for everybody else. */
  signedOutArrival(sent: readonly Cookie[]): Answer | undefined;
}

/** What the endpoints call. */
export interface EndpointsNeeds extends UserinfoNeeds {
  providers: Pick<Providers, 'all' | 'get'>;
  logins: Pick<LoginPort, 'begin' | 'signInPage' | 'chooseByEmail' | 'callback'>;
  signOut: Pick<SignOutPort, 'signOut' | 'backChannel' | 'frontChannel' | 'page'>;
}

/** The gateway's own endpoints, as a table. */
export function openEndpoints(needs: EndpointsNeeds): readonly Endpoint[] {
  const { providers, logins, signOut } = needs;
  return [
    {
      method: 'GET',
      name: 'start',
      head: true,
      handle: ({ browser, query }) => logins.begin(browser, query),
    },
    {
      method: 'GET',
      name: 'sign_in',
      handle: ({ browser, query }) => logins.signInPage(browser, query.get('rd')),
    },
    {
      method: 'POST',
      name: 'sign_in',
      handle: ({ browser, query, form }) =>
        logins.chooseByEmail(browser, query.get('rd'), form.get('email') ?? ''),
    },
    ...callbacks(providers, logins),
    { method: 'GET', name: 'userinfo', handle: ({ browser }) => userinfo(needs, browser) },
    { method: 'GET', name: 'signed_out', handle: ({ browser }) => signOut.page(browser.cookies) },
    {
      method: 'GET',
      name: 'sign_out',
      handle: ({ browser, query, request }) => signOut.signOut(browser, request, query),
    },
    {
      method: 'POST',
      name: 'sign_out',
      handle: ({ browser, query, form, request }) =>
        signOut.signOut(browser, request, new URLSearchParams([...form, ...query])),
    },
    {
      method: 'POST',
      name: 'backchannel-logout',
      handle: ({ browser, form }) => signOut.backChannel(browser, form.getAll('logout_token')),
    },
    {
      method: 'GET',
      name: 'frontchannel-logout',
      handle: ({ browser, query, request }) => signOut.frontChannel(browser, request.headers, query),
    },
  ];
}

/** Where providers send people back to: one place for all of them, and one each for those with their own. */
function callbacks(
  { all }: Pick<Providers, 'all'>,
  { callback }: Pick<LoginPort, 'callback'>,
): readonly Endpoint[] {
  const own = all.filter(({ config }) => config.ownCallback).map(({ name }) => `callback/${name}`);
  const names = ['callback', ...own];
  const queried = names.map(
    (name): Endpoint => ({
      method: 'GET',
      name,
      head: true,
      handle: ({ browser, query }) => callback(browser, { mode: 'query', parameters: query }),
    }),
  );
  if (!all.some(({ config }) => config.responseMode === 'form_post')) return queried;
  const posted = names.map(
    (name): Endpoint => ({
      method: 'POST',
      name,
      handle: ({ browser, form }) => callback(browser, { mode: 'form_post', parameters: form }),
    }),
  );
  return [...queried, ...posted];
}
