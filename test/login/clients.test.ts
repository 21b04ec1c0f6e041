import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { type ProviderHit, type ProviderOptions, startProvider } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { anotherBrowser, arrangeLogin, hitsOf, isSignedIn, type LoginScene, reachCallback } from './steps.ts';

/** What the gateway sends to the token endpoint. */
async function tokenRequest(
  scene: LoginScene,
): Promise<{ authorization: string | undefined; form: URLSearchParams }> {
  const seen: { authorization: string | undefined; form: URLSearchParams }[] = [];
  scene.provider.tamper(async (hit: ProviderHit) => {
    if (hit.path === '/token') {
      const form = new URLSearchParams(await hit.body());
      seen.push({ authorization: hit.request.headers.authorization, form });
    }
    return hit.pass();
  });
  await logIn(scene.client, scene.gateway.url, 'ada');
  const [first] = seen;
  if (!first) throw new Error('there was no token request');
  return first;
}

test('client_secret_basic puts the secret into the Authorization header, and nowhere else', async (t) => {
  const scene = await arrangeLogin(t);
  const { authorization, form } = await tokenRequest(scene);
  const { clientId, clientSecret } = scene.provider;
  const credentials = Buffer.from(/^Basic (\S+)$/.exec(authorization ?? '')?.[1] ?? '', 'base64').toString();
  // RFC 6749 §2.3.1: both are form-encoded.
  t.equal(decodeURIComponent(credentials), `${clientId}:${clientSecret}`);
  t.notOk(form.has('client_secret'));
  t.ok(await isSignedIn(scene.client, scene.gateway.url));
});

test('client_secret_post puts it into the form', async (t) => {
  const scene = await arrangeLogin(t, {
    provider: { clientAuth: 'client_secret_post' },
    config: { provider: { clientAuth: 'client_secret_post' } },
  });
  const { authorization, form } = await tokenRequest(scene);
  t.equal(authorization, undefined);
  t.equal(form.get('client_secret'), scene.provider.clientSecret);
  t.equal(form.get('client_id'), 'app');
});

test('client_secret_post is taken where the provider supports nothing else', async (t) => {
  const scene = await arrangeLogin(t, {
    provider: {
      clientAuth: 'client_secret_post',
      configuration: { clientAuthMethods: ['client_secret_post'] },
    },
  });
  const { authorization, form } = await tokenRequest(scene);
  t.equal(authorization, undefined);
  t.ok(form.has('client_secret'));
});

test('a public client proves itself by PKCE alone', async (t) => {
  const scene = await arrangeLogin(t, { provider: { clientAuth: 'none' } });
  const { authorization, form } = await tokenRequest(scene);
  t.equal(authorization, undefined);
  t.notOk(form.has('client_secret'));
  t.equal(form.get('client_id'), 'app');
  t.match(form.get('code_verifier'), /^.{43,128}$/);
});

test('a secret with characters of every kind arrives as it is', async (t) => {
  const secret = 'a:b%c d+e&f=g"h\\i~';
  for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
    const client = {
      client_id: 'odd client/1',
      client_secret: secret,
      token_endpoint_auth_method: method,
      redirect_uris: ['http://127.0.0.1:1/oauth2/callback'],
    };
    const provider = await startProvider({ clients: [client] });
    t.teardown(() => provider.stop());
    const upstream = await arrangeUpstream(t);
    const gateway = await startTestGateway({
      provider,
      upstream,
      config: { provider: { clientAuth: method } },
    });
    t.teardown(() => gateway.close());
    const browser = anotherBrowser(t);
    await logIn(browser, gateway.url, 'ada');
    t.ok(await isSignedIn(browser, gateway.url), method);
  }
});

async function whatArrives(scene: LoginScene): Promise<Record<string, string | undefined>> {
  await logIn(scene.client, scene.gateway.url, 'ada');
  const { rawHeaders } = (await scene.client.get(scene.gateway.url)).json() as Echo;
  const value = (name: string) => valuesOf(rawHeaders, name)[0];
  return {
    user: value('x-forwarded-user'),
    email: value('x-forwarded-email'),
    groups: value('x-forwarded-groups'),
  };
}

const everything = { user: 'ada', email: 'ada@example.com', groups: 'staff,admins' };
const onlyInUserinfo: ProviderOptions = { conformIdTokenClaims: true };

test('userinfo: auto asks only when the ID token lacks a claim that is used', async (t) => {
  const lacking = await arrangeLogin(t, { provider: onlyInUserinfo });
  t.same(await whatArrives(lacking), everything);
  t.equal(hitsOf(lacking, '/me'), 1);
  const complete = await arrangeLogin(t);
  t.same(await whatArrives(complete), everything);
  t.equal(hitsOf(complete, '/me'), 0);
});

test('userinfo: false never asks, true always does', async (t) => {
  const never = await arrangeLogin(t, {
    provider: onlyInUserinfo,
    config: { provider: { userinfo: false } },
  });
  t.same(await whatArrives(never), { user: 'ada', email: undefined, groups: undefined });
  t.equal(hitsOf(never, '/me'), 0);
  const always = await arrangeLogin(t, { config: { provider: { userinfo: true } } });
  t.same(await whatArrives(always), everything);
  t.equal(hitsOf(always, '/me'), 1);
});

test('userinfo: auto goes on without its claims while userinfo is out, and the log says so', async (t) => {
  const scene = await arrangeLogin(t, { provider: onlyInUserinfo });
  scene.provider.tamper((hit) => (hit.path === '/me' ? hit.send({ status: 503 }) : hit.pass()));
  t.same(await whatArrives(scene), { user: 'ada', email: undefined, groups: undefined });
  const line = await scene.gateway.log.line(({ msg }) => msg.includes('userinfo failed'));
  const login = await scene.gateway.log.line(({ msg }) => msg === 'login');
  t.match(line, { level: 'warn', requestId: login.requestId });
});

test('C15 userinfo about somebody else is refused with userinfo: auto too', async (t) => {
  const scene = await arrangeLogin(t, { provider: onlyInUserinfo });
  const { callback } = await reachCallback(scene.client, scene.gateway.url);
  scene.provider.tamper((hit) => {
    if (hit.path !== '/me') return hit.pass();
    const body = JSON.stringify({ sub: 'grace', email: 'grace@navy.example', groups: ['admins'] });
    return hit.send({ headers: { 'content-type': 'application/json' }, body });
  });
  t.equal((await scene.client.navigate(callback.href)).status, 400);
  t.notOk(await isSignedIn(scene.client, scene.gateway.url));
});
