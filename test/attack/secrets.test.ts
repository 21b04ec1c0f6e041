import { type Test, test } from 'tap';
import { parse } from 'yaml';
import { anotherBrowser, arrangeLogin, type LoginScene, reachCallback } from '../login/steps.ts';
import type { Client, HttpAnswer } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import type { ProviderHit, Tamper } from '../support/provider.ts';
import { openRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';
import { sendJson, type TokenResponse } from './forged-token.ts';
import { acceptHandshakes, handshake } from './handshake.ts';

/** What must not be seen, and what it is. */
type Secrets = Map<string, string>;

/** Notes what passes the token endpoint from now on; gives what puts a misbehaviour on top. */
function noteSecrets({ provider, gateway }: LoginScene, secrets: Secrets): (next?: Tamper) => void {
  const { session } = parse(gateway.yaml) as { session: { secret: string } };
  secrets.set(session.secret, 'the session secret').set(provider.clientSecret ?? '', 'the client secret');
  const tamperWith = (next?: Tamper) =>
    provider.tamper(async (hit) => {
      if (hit.path !== '/token') return next ? next(hit) : hit.pass();
      const form = new URLSearchParams(await hit.body());
      for (const name of ['code', 'code_verifier']) secrets.set(form.get(name) ?? '', name);
      const original = await hit.original();
      if (original.status === 200) {
        const tokens = JSON.parse(original.body) as TokenResponse;
        for (const name of ['access_token', 'id_token', 'refresh_token'])
          secrets.set(String(tokens[name]), name);
      }
      return next ? next(hit) : hit.send(original);
    });
  tamperWith();
  return tamperWith;
}

/** Notes the cookies of the gateway that a browser holds. */
function noteCookies(client: Client, secrets: Secrets): void {
  for (const { name, value } of client.cookies.all()) {
    if (name.startsWith('sallyport')) secrets.set(value, `the cookie ${name}`);
  }
}

/** Notes what an authorization request or response brings. */
function noteUrl(url: URL, secrets: Secrets): void {
  for (const name of ['code', 'state', 'nonce']) secrets.set(url.searchParams.get(name) ?? '', name);
}

/** Asserts that a text holds no secret, and of the long ones not even the end: a signature says enough. */
function assertUnseen(t: Test, text: string, secrets: Secrets, where: string): void {
  const found = [...secrets].filter(([secret]) => {
    if (secret.length < 16) return false;
    const isWhole = text.includes(secret) || text.includes(encodeURIComponent(secret));
    return isWhole || (secret.length > 60 && text.includes(secret.slice(-24)));
  });
  t.same(
    found.map(([, what]) => what),
    [],
    where,
  );
}

/** Headers and body of an answer, less cookies, which are sealed, and the address that the protocol names. */
function seenIn({ text, rawHeaders }: HttpAnswer): string {
  const values = rawHeaders.filter(
    (_, at) => at % 2 === 1 && !/^(set-cookie|location)$/i.test(rawHeaders[at - 1] ?? ''),
  );
  return `${values.join('\n')}\n${text}`;
}

const tokensOf = async (hit: ProviderHit) => JSON.parse((await hit.original()).body) as TokenResponse;

/** Ways in which the token endpoint fails; many repeat what they were sent. */
const failures: Record<string, (hit: ProviderHit) => void | Promise<void>> = {
  'an error that repeats the code': async (hit) => {
    const code = new URLSearchParams(await hit.body()).get('code');
    sendJson(hit, { error: 'invalid_grant', error_description: `the code ${code} is spent` }, 400);
  },
  'an error that repeats the whole request': async (hit) =>
    sendJson(hit, { error: 'invalid_request', error_description: `bad: ${await hit.body()}` }, 400),
  'an error that repeats the client secret': (hit) => {
    const { authorization } = hit.request.headers;
    sendJson(hit, { error: 'invalid_client', error_description: `wrong: ${authorization}` }, 401);
  },
  'an error that repeats the client secret in the clear': (hit) => {
    const [, credentials = ''] = (hit.request.headers.authorization ?? '').split(' ');
    const decoded = decodeURIComponent(Buffer.from(credentials, 'base64').toString());
    sendJson(hit, { error: 'invalid_client', error_description: `no client has ${decoded}` }, 401);
  },
  'an error that repeats the tokens': async (hit) =>
    sendJson(hit, { error: 'server_error', error_description: JSON.stringify(await tokensOf(hit)) }, 400),
  'tokens that are not all there': async (hit) =>
    sendJson(hit, { ...(await tokensOf(hit)), id_token: undefined }),
  'tokens in a body that is no JSON': async (hit) =>
    hit.send({
      headers: { 'content-type': 'application/json' },
      body: `${JSON.stringify(await tokensOf(hit))}}`,
    }),
  'an ID token that fails': async (hit) => {
    const tokens = await tokensOf(hit);
    sendJson(hit, { ...tokens, id_token: String(tokens.id_token).slice(0, -9) });
  },
  'tokens with a 500': async (hit) => sendJson(hit, await tokensOf(hit), 500),
  'a reset': (hit) => void hit.response.destroy(),
};

test('3 no secret is in any line of the log, page or problem, whatever happens', async (t) => {
  const scene = await arrangeLogin(t, { provider: { conformIdTokenClaims: true } });
  const { gateway, provider, upstream } = scene;
  const secrets: Secrets = new Map();
  const tamper = noteSecrets(scene, secrets);
  const answers: [string, HttpAnswer][] = [];

  const tryLogIn = async (name: string, misbehaviour?: Tamper) => {
    const client = anotherBrowser(t);
    const { callback, authorizationRequest } = await reachCallback(client, gateway.url);
    noteUrl(callback, secrets);
    noteUrl(authorizationRequest, secrets);
    noteCookies(client, secrets);
    tamper(misbehaviour);
    answers.push([name, await client.navigate(callback.href)]);
    answers.push([`${name}, again`, await client.navigate(callback.href)]);
    answers.push([`${name}, as a program`, await client.get(callback.href)]);
    noteCookies(client, secrets);
    return client;
  };

  for (const [name, fail] of Object.entries(failures)) {
    await tryLogIn(name, (hit) => (hit.path === '/token' ? fail(hit) : hit.pass()));
  }
  await tryLogIn('userinfo that repeats the token', (hit) =>
    hit.path === '/me' ? sendJson(hit, { error: hit.request.headers.authorization }, 401) : hit.pass(),
  );
  const refused = anotherBrowser(t);
  const { callback } = await reachCallback(refused, gateway.url);
  noteUrl(callback, secrets);
  callback.searchParams.set('error', 'access_denied');
  callback.searchParams.set(
    'error_description',
    `code ${callback.searchParams.get('code')} eyJhbGciOi.eyJzdWIi.c2ln`,
  );
  answers.push(['an error in the response', await refused.navigate(callback.href)]);

  const client = await tryLogIn('a login');
  t.ok(client.cookies.get('sallyport'), 'the last login went well');
  for (const path of ['/page?token=in-the-query', '/oauth2/userinfo', '/oauth2/none', '/oauth2/start']) {
    answers.push([path, await client.navigate(gateway.url + path)]);
    answers.push([path, await anotherBrowser(t).get(gateway.url + path)]);
  }
  acceptHandshakes(upstream);
  const socket = await openRaw(gateway.url);
  const cookie = `Cookie: ${client.cookies.headerFor(gateway.url)}`;
  socket.write(handshake(new URL(gateway.url).host, '/?token=in-the-query', [cookie]));
  await socket.until('101');
  await upstream.close();
  answers.push(['an upstream that is away', await client.navigate(`${gateway.url}/?token=in-the-query`)]);
  noteCookies(client, secrets);
  answers.push(['the sign-out', await client.navigate(`${gateway.url}/oauth2/sign_out`)]);
  await until('the revocation', () => (provider.hits.get('/token/revocation') ?? 0) >= 1);
  await gateway.log.line(({ msg }) => msg === 'logout');

  for (const kind of [
    'access_token',
    'id_token',
    'refresh_token',
    'code',
    'code_verifier',
    'state',
    'nonce',
  ]) {
    t.ok([...secrets.values()].includes(kind), `${kind} was noted`);
  }
  for (const [name, answer] of answers) {
    // The echo of the application says what the application got.
    if (answer.headers['content-type'] !== 'application/json') assertUnseen(t, seenIn(answer), secrets, name);
  }
  assertUnseen(t, gateway.log.text(), secrets, 'the log');
  t.notMatch(gateway.log.text(), /in-the-query/, 'nor the query of a request');
  t.notMatch(gateway.log.text(), /eyJ/, 'nor the beginning of a token');
});

test('3 the only secrets in a URL are those that the protocol puts there', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const secrets: Secrets = new Map();
  noteSecrets(scene, secrets);
  const { callback, authorizationRequest } = await reachCallback(client, gateway.url, { path: '/page' });
  const names = [...authorizationRequest.searchParams.keys()];
  t.notOk(names.some((name) => /token|secret|verifier|hint/.test(name)));
  const ended = await client.navigate(callback.href);
  noteUrl(callback, secrets);
  noteCookies(client, secrets);
  assertUnseen(t, ended.headers.location ?? '', secrets, 'the way back');
  const out = new URL((await client.navigate(`${gateway.url}/oauth2/sign_out`)).headers.location ?? '');
  const hint = out.searchParams.get('id_token_hint') ?? '';
  t.equal(secrets.get(hint), 'id_token', 'OpenID Connect RP-Initiated Logout 1.0 §2 wants it there');
  out.searchParams.delete('id_token_hint');
  assertUnseen(t, out.href, secrets, 'the sign-out');
});

test('3 no cookie holds a secret in the clear', async (t) => {
  const scene = await arrangeLogin(t);
  const { gateway, client } = scene;
  const secrets: Secrets = new Map();
  noteSecrets(scene, secrets);
  const { callback, authorizationRequest } = await reachCallback(client, gateway.url);
  noteUrl(callback, secrets);
  noteUrl(authorizationRequest, secrets);
  const pending = client.cookies.all();
  await client.navigate(callback.href);
  t.ok([...secrets.values()].includes('access_token'));
  for (const { name, value } of [...pending, ...client.cookies.all()]) {
    if (!name.startsWith('sallyport')) continue;
    const decoded = Buffer.from(value.replace(/^\d/, ''), 'base64url').toString('latin1');
    assertUnseen(t, `${value}\n${decoded}`, secrets, name);
    t.notMatch(decoded, /ada@example\.com|Lovelace|access|nonce/, `${name}: nor what they belong to`);
  }
});

test('3 userinfo says who somebody is, and shows no token', async (t) => {
  const scene = await arrangeLogin(t);
  const secrets: Secrets = new Map();
  noteSecrets(scene, secrets);
  await logIn(scene.client, scene.gateway.url, 'ada');
  noteCookies(scene.client, secrets);
  const answer = await scene.client.get(`${scene.gateway.url}/oauth2/userinfo`);
  t.match(answer.json(), { sub: 'ada', email: 'ada@example.com' });
  assertUnseen(t, seenIn(answer), secrets, 'userinfo');
});
