import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { anotherBrowser, arrangeLogin, isSignedIn, reachCallback } from './steps.ts';

test('a gateway that starts before its provider says so, and comes up by itself', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  await provider.stop();
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({
    provider,
    upstream,
    config: { routes: [{ path: '/public', upstream: upstream.url, allow: 'public' }] },
    awaitProvider: false,
  });
  t.teardown(() => gateway.close());
  const client = anotherBrowser(t);

  const page = await client.navigate(`${gateway.url}/page`);
  t.equal(page.status, 503);
  t.equal(page.headers['x-sallyport-error'], 'provider_unavailable');
  t.match(page.headers['content-type'], /^text\/html/);
  t.match(page.text, /sign-in service cannot be reached/);
  const seconds = Number(page.headers['retry-after']);
  t.ok(seconds >= 1 && seconds <= 20, `Retry-After: ${seconds}`);
  t.same(page.setCookies, []);
  t.equal((await client.get(`${gateway.url}/public`)).status, 200, 'what takes no login works');
  t.equal((await client.get(`${gateway.url}/page`)).status, 401, 'and a program is told to sign in');
  const line = await gateway.log.line(({ msg }) => msg === 'provider not found');
  t.match(line, { issuer: provider.issuer, reason: /ECONNREFUSED/ }, 'the log says who and why');

  await provider.restart();
  await until('a login', async () => (await client.navigate(`${gateway.url}/page`)).status === 302, 15_000);
  await gateway.log.line(({ msg }) => msg === 'provider found');
  const answer = await logIn(anotherBrowser(t), gateway.url, 'ada', { path: '/page' });
  t.equal(answer.status, 200);
});

test('a provider that goes away ends no session, and who comes back from it can try again', async (t) => {
  const { provider, gateway, client } = await arrangeLogin(t);
  const signedIn = anotherBrowser(t);
  await logIn(signedIn, gateway.url, 'grace');
  const { callback } = await reachCallback(client, gateway.url, { path: '/deep?x=1' });
  await provider.stop();
  const answer = await client.navigate(callback.href);
  t.equal(answer.status, 503);
  t.match(answer.headers['retry-after'], /^\d+$/);
  t.match(answer.text, `href="${gateway.url}/deep?x=1"`, 'back to the page, which begins a new login');
  t.ok(await isSignedIn(signedIn, gateway.url), 'grace stays signed in');
  await provider.restart();
  t.match(await logIn(client, gateway.url, 'ada', { path: '/deep?x=1' }), { status: 200 });
});

// RFC 6749 §4.1.2.1. What Hydra could not write to its database comes as `error`.
for (const error of ['server_error', 'temporarily_unavailable', 'error']) {
  test(`a provider that answers a login with ${error} is out, and has refused nobody`, async (t) => {
    const { gateway, client } = await arrangeLogin(t);
    const { callback } = await reachCallback(client, gateway.url, { path: '/deep?x=1' });
    callback.searchParams.delete('code');
    callback.searchParams.set('error', error);
    callback.searchParams.set('error_description', 'no <b>disk</b>');
    const page = await client.navigate(callback.href);
    t.equal(page.status, 503);
    t.equal(page.headers['x-sallyport-error'], 'provider_unavailable');
    t.match(page.headers['retry-after'], /^\d+$/);
    t.match(page.text, 'no &lt;b&gt;disk&lt;/b&gt;', 'what it said');
    t.match(page.text, `href="${gateway.url}/deep?x=1"`, 'back to the page, which begins a new login');
    t.equal((await gateway.log.line(({ code }) => code === 'provider_unavailable')).msg, 'failed');
    t.match(await logIn(client, gateway.url, 'ada', { path: '/deep?x=1' }), { status: 200 });
  });
}

for (const error of ['access_denied', 'invalid_scope', 'Error', 'errors', 'server_error ']) {
  test(`a provider that answers a login with "${error}" has refused it`, async (t) => {
    const { gateway, client } = await arrangeLogin(t);
    const { callback } = await reachCallback(client, gateway.url);
    callback.searchParams.delete('code');
    callback.searchParams.set('error', error);
    const page = await client.navigate(callback.href);
    t.equal(page.status, 400);
    t.equal(page.headers['x-sallyport-error'], 'login_refused');
  });
}

test('with all endpoints given by hand nothing is discovered', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const { issuer } = provider;
  const gateway = await startTestGateway({
    provider,
    upstream,
    config: {
      provider: {
        authorizationEndpoint: `${issuer}/auth`,
        tokenEndpoint: `${issuer}/token`,
        jwksUri: `${issuer}/jwks`,
        userinfoEndpoint: `${issuer}/me`,
        endSessionEndpoint: `${issuer}/session/end`,
      },
    },
  });
  t.teardown(() => gateway.close());
  const client = anotherBrowser(t);
  await logIn(client, gateway.url, 'ada');
  t.ok(await isSignedIn(client, gateway.url));
  t.equal(provider.hits.get('/.well-known/openid-configuration'), undefined);
  const out = await client.navigate(`${gateway.url}/oauth2/sign_out`);
  t.match(out.headers.location, `${issuer}/session/end?`, 'the sign-out goes where it was told to');

  const other = anotherBrowser(t);
  const { callback } = await reachCallback(other, gateway.url);
  callback.searchParams.set('iss', 'https://evil.example');
  t.equal((await other.navigate(callback.href)).status, 400, 'a wrong issuer is refused here too');
});

test('an endpoint that is given by hand wins over the discovered one', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const gateway = await startTestGateway({
    provider,
    upstream: 'http://127.0.0.1:9',
    config: { provider: { authorizationEndpoint: `${provider.issuer}/auth?tenant=one` } },
  });
  t.teardown(() => gateway.close());
  const answer = await anotherBrowser(t).navigate(`${gateway.url}/`);
  t.match(answer.headers.location, `${provider.issuer}/auth?tenant=one&`, 'its own query is kept');
  t.equal(provider.hits.get('/.well-known/openid-configuration'), 1);
});
