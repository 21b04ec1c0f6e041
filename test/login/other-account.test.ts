import { type Test, test } from 'tap';
import { accountParameters } from '../../src/identity/browser/other-account.ts';
import type { HttpAnswer } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn, submitForm } from '../support/log-in.ts';
import type { ProviderHit } from '../support/provider.ts';
import { anotherBrowser, arrangeLogin, beginLogin, type LoginScene, signInAtProvider } from './steps.ts';

/** A page that nobody may see, behind a provider that people cannot be signed out at. */
async function arrange(
  t: Test,
  provider: Record<string, unknown> = {},
  config: Record<string, unknown> = {},
) {
  const scene = await arrangeLogin(t, {
    provider: { endSession: false },
    config: { provider, ...config },
    routes: (upstream) => [{ path: '/closed', upstream, allow: [{ users: ['grace'] }] }],
  });
  return scene;
}

/** Discovery with more in it. */
const discovery = (more: Record<string, unknown>) => async (hit: ProviderHit) => {
  if (hit.path !== '/.well-known/openid-configuration') return hit.pass();
  const original = await hit.original();
  hit.send({ ...original, body: JSON.stringify({ ...JSON.parse(original.body), ...more }) });
};

const promptOf = ({ headers }: HttpAnswer) => new URL(headers.location ?? '').searchParams.get('prompt');

/** Signs in, is refused, and presses the button of the page; gives the start of the login that follows. */
async function switchFrom({ client, gateway }: Pick<LoginScene, 'client' | 'gateway'>): Promise<HttpAnswer> {
  await logIn(client, gateway.url, 'ada');
  const refused = await client.navigate(`${gateway.url}/closed/x?y=1`);
  const action = /action="([^"]+)"><button[^>]*>Sign in as someone else/.exec(refused.text)?.[1];
  const out = await client.request(gateway.url + action, {
    method: 'POST',
    headers: { origin: gateway.url, 'sec-fetch-site': 'same-origin' },
  });
  return client.navigate(out.headers.location ?? '');
}

test('who signs in as someone else is asked who, where the provider cannot sign them out', async (t) => {
  const scene = await arrange(t);
  const { client, gateway } = scene;
  const login = await switchFrom(scene);
  t.equal(promptOf(login), 'select_account');
  t.equal(promptOf(await client.navigate(`${gateway.url}/closed/x`)), null, 'once');
  // This provider does not know the prompt, and is asked in the way that all know.
  const page = await client.navigate(login.headers.location ?? '', { follow: 10 });
  t.match(page.url, `${scene.provider.issuer}/interaction/`, 'a person is asked');
  const changed = await submitForm(client, page, { login: 'grace' });
  // The provider ends its sign-in of the one before by a form of its own.
  const end = await submitForm(client, changed, { logout: 'yes' });
  t.equal(end.status, 200);
  t.match(end.json(), { url: '/closed/x?y=1' }, 'and ends where the other one was refused');
});

test('the prompt is one that the provider lists', async (t) => {
  for (const [listed, expected] of [
    [['none', 'login'], 'login'],
    [['none', 'login', 'select_account'], 'select_account'],
    [['none', 'consent'], null],
  ] as const) {
    const { provider, upstream } = await arrangeLogin(t, { provider: { endSession: false } });
    provider.tamper(discovery({ prompt_values_supported: listed }));
    const routes = [
      { path: '/', upstream: upstream.url },
      { path: '/closed', upstream: upstream.url, allow: [{ users: ['grace'] }] },
    ];
    const gateway = await startTestGateway({ provider, config: { routes } });
    t.teardown(() => gateway.close());
    const login = await switchFrom({ gateway, client: anotherBrowser(t) });
    t.equal(promptOf(login), expected, listed.join(' '));
  }
});

test('what the configuration asks of every login stays', async (t) => {
  t.same(accountParameters('select_account', undefined), { prompt: 'select_account' });
  t.same(accountParameters('select_account', 'consent'), { prompt: 'consent select_account' });
  t.same(accountParameters('login', 'none'), { prompt: 'login' });
  for (const configured of ['login', 'select_account consent'])
    t.same(accountParameters('select_account', configured), {}, 'it asks already');
  t.same(accountParameters(null, undefined), {});
});

test('where the provider can sign people out, it is left to that', async (t) => {
  const scene = await arrangeLogin(t, {
    routes: (upstream) => [{ path: '/closed', upstream, allow: [{ users: ['grace'] }] }],
  });
  const { client, gateway, provider } = scene;
  await logIn(client, gateway.url, 'ada');
  const out = await client.navigate(`${gateway.url}/oauth2/sign_out?rd=/closed`);
  t.match(out.headers.location, `${provider.issuer}/session/end?`);
  t.equal(promptOf(await client.navigate(`${gateway.url}/closed`)), null);
});

test('who may not sign in with an account is asked for another one', async (t) => {
  const scene = await arrange(t, { requiredClaims: { email: ['grace@navy.example'] } });
  const { client, gateway } = scene;
  for (let time = 1; time <= 4; time++) {
    const begun = await beginLogin(client, gateway.url, '/deep?x=1');
    t.equal(begun.authorizationRequest.searchParams.get('prompt'), time === 1 ? null : 'select_account');
    const callback = await signInAtProvider(
      anotherBrowser(t),
      await beginLoginOf(scene, begun.answer),
      'ada',
    );
    const refused = await client.navigate(callback.href);
    t.equal(refused.status, 403);
    t.equal(refused.headers['x-sallyport-error'], 'login_not_admitted');
    t.match(refused.text, 'Start again');
  }
});

/** The same authorization request without the prompt that this provider does not know. */
async function beginLoginOf(_scene: LoginScene, { headers }: HttpAnswer) {
  const authorizationRequest = new URL(headers.location ?? '');
  authorizationRequest.searchParams.delete('prompt');
  return { authorizationRequest };
}

test('nothing but a page of the gateway asks for another account', async (t) => {
  const { client, gateway } = await arrange(t);
  const start = `${gateway.url}/oauth2/start?rd=/`;
  for (const query of ['prompt=select_account', 'account=other', 'prompt=login&account=1']) {
    t.equal(promptOf(await client.navigate(`${start}&${query}`)), null, query);
  }
  for (const value of ['1', 'select_account', 'AQIDBAUGBwg', '{"prompts":["login"]}']) {
    const other = anotherBrowser(t);
    other.cookies.take(gateway.url, [`sallyport-account=${value}; Path=/`]);
    t.equal(promptOf(await other.navigate(start)), null, value);
  }
});
