import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader, importPKCS8, SignJWT } from 'jose';
import { test } from 'tap';
import { signedSecretAuth } from '../../src/identity/provider/signed-secret.ts';
import { sendJson } from '../attack/forged-token.ts';
import { beginLogin, signInAtProvider } from '../login/steps.ts';
import { logIn } from '../support/log-in.ts';
import { until } from '../support/until.ts';
import {
  arrangeProfile,
  headerOf,
  makeClientKey,
  recordPosts,
  registration,
  type SeenRequest,
} from './scene.ts';

const registered = (key: ReturnType<typeof makeClientKey>) =>
  registration({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.publicJwk] } as never });

const assertionOf = ({ form }: SeenRequest) => form.get('client_assertion') ?? '';

test('assertionAudience says for whom assertions are, at each endpoint', async (t) => {
  const audiences = {
    issuer: (issuer: string, _path: string) => issuer,
    tokenEndpoint: (issuer: string) => `${issuer}/token`,
    requestedEndpoint: (issuer: string, path: string) => issuer + path,
  };
  for (const [assertionAudience, audienceAt] of Object.entries(audiences)) {
    const key = makeClientKey();
    const scene = await arrangeProfile(t, {
      client: registered(key),
      keys: { privateKey: key.jwk, assertionAudience, par: true },
    });
    // What the provider makes of another audience is its own affair; here all of them are let pass.
    const seen = recordPosts(scene);
    await beginLogin(scene.client, scene.gateway.url);
    await logIn(scene.client, scene.gateway.url, 'ada').catch(() => undefined);
    await scene.client.navigate(`${scene.gateway.url}/oauth2/sign_out`);
    await until('the calls', () => seen.some(({ path }) => path === '/token'));
    const { issuer } = scene.provider;
    const asked = seen.filter(({ form }) => form.has('client_assertion'));
    t.ok(asked.some(({ path }) => path === '/request'));
    for (const call of asked)
      t.equal(decodeJwt(assertionOf(call)).aud, audienceAt(issuer, call.path), call.path);
  }
});

test('an assertion names the key as it is configured: that of the JWK, another, or none', async (t) => {
  const key = makeClientKey();
  const { kid: _, ...unnamed } = key.publicJwk;
  for (const [privateKey, kid] of [
    [key.jwk, key.kid],
    [key.pem, undefined],
    [{ key: key.jwk, kid: false }, undefined],
    [{ key: key.jwk, kid: 'other' }, 'other'],
  ] as const) {
    const publicJwk = kid === undefined ? unnamed : { ...key.publicJwk, kid };
    const scene = await arrangeProfile(t, {
      client: registered({ ...key, publicJwk }),
      keys: { privateKey },
    });
    const seen = recordPosts(scene);
    t.equal((await logIn(scene.client, scene.gateway.url, 'ada')).status, 200, String(kid));
    const [call] = seen.filter(({ path }) => path === '/token');
    t.equal(decodeProtectedHeader(assertionOf(call as SeenRequest)).kid, kid);
  }
});

test('clientAssertionFile: what the platform wrote last is shown, at each call', async (t) => {
  const key = makeClientKey();
  const file = join(t.testdir(), 'token');
  const scene = await arrangeProfile(t, {
    client: registered(key),
    keys: { clientAssertionFile: file },
  });
  const signer = await importPKCS8(key.pem, 'ES256');
  const renew = async (jti: string) => {
    const jwt = await new SignJWT({ jti })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid })
      .setIssuer('app')
      .setSubject('app')
      .setAudience(scene.provider.issuer)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(signer);
    // As kubelet does: a whole file takes the place of the one before.
    writeFileSync(`${file}.new`, `${jwt}\n`);
    renameSync(`${file}.new`, file);
  };
  const seen = recordPosts(scene);
  const calls = () => seen.filter(({ path }) => path === '/token');
  await renew('first');
  t.equal((await logIn(scene.client, scene.gateway.url, 'ada')).status, 200);
  scene.client.cookies.clear();
  await renew('second');
  t.equal((await logIn(scene.client, scene.gateway.url, 'ada')).status, 200);
  t.strictSame(
    calls().map((call) => decodeJwt(assertionOf(call)).jti),
    ['first', 'second'],
  );
  for (const { form, headers } of calls()) {
    t.equal(form.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    t.equal(form.get('client_id'), 'app');
    t.notOk(form.has('client_secret'));
    t.notOk(headers.authorization);
  }
  t.notMatch(scene.gateway.log.text(), /eyJ/);
});

test('clientAssertionFile: a file that is of no use fails the login with its name, and nothing of what is in it', async (t) => {
  const key = makeClientKey();
  const file = join(t.testdir(), 'token');
  const scene = await arrangeProfile(t, { client: registered(key), keys: { clientAssertionFile: { file } } });
  const arrangements: Record<string, () => unknown> = {
    'none there': () => undefined,
    'no JWT': () => writeFileSync(file, 'the secret of the machine'),
    'an unsigned one': () => writeFileSync(file, 'eyJhbGciOiJub25lIn0.e30.'),
    empty: () => writeFileSync(file, ''),
    'far too large': () => writeFileSync(file, 'x'.repeat(1024 * 1024)),
    'a pipe that nobody writes to': () => execFileSync('mkfifo', [file]),
  };
  const told = () =>
    scene.gateway.log.lines.filter(({ reason }) => /clientAssertionFile: .*token/.test(String(reason)));
  let lines = 0;
  for (const [what, arrange] of Object.entries(arrangements)) {
    rmSync(file, { force: true });
    arrange();
    const { hits } = scene.provider;
    const before = hits.get('/token') ?? 0;
    const callback = await signInAtProvider(scene.client, await beginLogin(scene.client, scene.gateway.url));
    const answer = await scene.client.navigate(callback.href);
    t.equal(answer.status, 503, what);
    t.notOk(scene.client.cookies.get('sallyport'));
    t.equal(hits.get('/token') ?? 0, before, 'nothing was sent');
    t.equal(answer.headers['x-sallyport-error'], 'client_rejected', what);
    await until('the line', () => told().length > lines);
    t.equal(told().at(-1)?.level, 'error');
    lines = told().length;
  }
  t.notMatch(scene.gateway.log.text(), /secret of the machine|eyJ/);
});

test('clientAssertionFile: a JWT-SVID goes by the name that SPIFFE has for it', async (t) => {
  const key = makeClientKey();
  const file = join(t.testdir({ token: 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln' }), 'token');
  const scene = await arrangeProfile(t, {
    client: registered(key),
    keys: { clientAssertionFile: { file, type: 'jwt-spiffe' } },
  });
  const seen = recordPosts(scene);
  const callback = await signInAtProvider(scene.client, await beginLogin(scene.client, scene.gateway.url));
  await scene.client.navigate(callback.href);
  const [call] = seen.filter(({ path }) => path === '/token');
  t.equal(call?.form.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe');
});

test('secretFromKey: the secret is a JWT of the key, in the form of the authentication method', async (t) => {
  const key = makeClientKey();
  for (const clientAuth of ['client_secret_post', 'client_secret_basic'] as const) {
    const scene = await arrangeProfile(t, {
      client: registration({
        token_endpoint_auth_method: clientAuth,
        client_secret: 'unused here, and long enough',
      }),
      keys: {
        privateKey: { key: key.pem, kid: 'KEY123' },
        secretFromKey: { issuer: 'TEAM456', audience: 'https://appleid.apple.com' },
        clientAuth,
        clientSecret: undefined,
      },
    });
    const secrets: string[] = [];
    scene.provider.tamper(async (hit) => {
      if (hit.path !== '/token') return hit.pass();
      const basic = Buffer.from(
        (hit.request.headers.authorization ?? '').replace('Basic ', ''),
        'base64',
      ).toString();
      const form = new URLSearchParams(await hit.body());
      secrets.push(form.get('client_secret') ?? decodeURIComponent(basic.split(':')[1] ?? ''));
      sendJson(hit, { error: 'invalid_client' }, 400);
    });
    const callback = await signInAtProvider(scene.client, await beginLogin(scene.client, scene.gateway.url));
    t.equal((await scene.client.navigate(callback.href)).status, 503);
    const [secret = ''] = secrets;
    t.match(decodeProtectedHeader(secret), { alg: 'ES256', kid: 'KEY123' });
    const { iss, sub, aud, iat = 0, exp = 0 } = decodeJwt(secret);
    t.strictSame([iss, sub, aud], ['TEAM456', 'app', 'https://appleid.apple.com']);
    t.ok(exp > iat && exp - iat < 15_777_000, 'Apple takes none that is good for more than six months');
    t.equal(await headerOf(scene, 'x-forwarded-user'), '401');
    t.notOk(scene.gateway.log.text().includes(secret), 'it is in no line of the log');
  }
});

test('secretFromKey: a secret is kept until shortly before its end', async (t) => {
  const key = await importPKCS8(makeClientKey().pem, 'ES256');
  let now = 1_800_000_000_000;
  const settings = { clientId: 'app', issuer: 'https://id.example.com', secretFromKey: {} };
  const signing = { key, kid: 'k', alg: 'ES256', decryption: [] };
  const auth = signedSecretAuth(settings, 'client_secret_post', signing, { now: () => now });
  const secretAt = async (seconds: number) => {
    now = 1_800_000_000_000 + seconds * 1000;
    const body = new URLSearchParams();
    // The type of the library says nothing of a promise, which it waits for.
    await (auth(
      { issuer: settings.issuer },
      { client_id: 'app' },
      body,
      new Headers(),
    ) as unknown as Promise<void>);
    const secret = body.get('client_secret') ?? '';
    t.ok((decodeJwt(secret).exp ?? 0) > now / 1000 + 60, 'it does not end on the way');
    t.ok((decodeJwt(secret).iat ?? 0) <= now / 1000, 'nor is it of the future');
    return secret;
  };
  const first = await secretAt(0);
  t.equal(await secretAt(2000), first);
  const second = await secretAt(3300);
  t.not(second, first);
  t.equal(await secretAt(3400), second);
  t.not(await secretAt(-7200), second, 'a clock that is set back makes a new one');
});
