import { generateKeyPair } from 'jose';
import { test } from 'tap';
import {
  alterClaims,
  alterTokens,
  type Claims,
  onPath,
  onPaths,
  providerKey,
  sendJson,
  signClaims,
} from '../attack/forged-token.ts';
import { grantsOf, headerOf, patience } from '../profiles/scene.ts';
import { logIn } from '../support/log-in.ts';
import type { TestProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { arrangeLogin, beginLogin, type LoginScene, signInAtProvider } from './steps.ts';

const seconds = () => Math.floor(Date.now() / 1000);

const fromToken = { provider: { claims: { from: 'access_token', groups: 'realm_access.roles' } } };

/** Lets the provider give access tokens of these claims, signed by its own key unless another is given. */
function giveTokens(
  provider: TestProvider,
  claimsOf: () => Claims,
  change: { key?: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']; alg?: string } = {},
): void {
  provider.tamper(
    alterTokens(async ({ at_hash: _, ...tokens }) => {
      const own = await providerKey(provider);
      const good = { iss: provider.issuer, sub: 'ada', iat: seconds(), exp: seconds() + 300, aud: 'account' };
      const token = await signClaims({ ...good, ...claimsOf() }, { ...own, ...change });
      return {
        ...tokens,
        access_token: token,
        id_token: await withoutHash(provider, String(tokens.id_token)),
      };
    }),
  );
}

/** The ID token without `at_hash`, which is of the access token that was replaced. */
async function withoutHash(provider: TestProvider, idToken: string): Promise<string> {
  const claims = JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()) as Claims;
  const { at_hash: _, ...rest } = claims;
  return signClaims(rest, await providerKey(provider));
}

async function loginStatus({ client, gateway }: LoginScene): Promise<number> {
  client.cookies.clear();
  const callback = await signInAtProvider(client, await beginLogin(client, gateway.url));
  return (await client.navigate(callback.href)).status;
}

test('claims.from: an access token that is a JWT is verified, and tells what the ID token does not', async (t) => {
  const scene = await arrangeLogin(t, { config: fromToken });
  giveTokens(scene.provider, () => ({
    realm_access: { roles: ['clerk', 'editor'] },
    email: 'other@example.com',
  }));
  await logIn(scene.client, scene.gateway.url, 'ada');
  t.equal(await headerOf(scene, 'x-forwarded-groups'), 'clerk,editor');
  t.equal(await headerOf(scene, 'x-forwarded-email'), 'ada@example.com', 'the ID token counts more');
});

test('claims.from: without the key, the claims of the access token are not read', async (t) => {
  const scene = await arrangeLogin(t, { config: { provider: { claims: { groups: 'realm_access.roles' } } } });
  giveTokens(scene.provider, () => ({ realm_access: { roles: ['clerk'] } }));
  await logIn(scene.client, scene.gateway.url, 'ada').catch(() => undefined);
  t.equal(await headerOf(scene, 'x-forwarded-groups'), undefined);
});

test('claims.from: an access token that cannot be verified, is of somebody else or is no JWT signs nobody in', async (t) => {
  const scene = await arrangeLogin(t, { config: fromToken });
  const { privateKey } = await generateKeyPair('RS256');
  const roles = { realm_access: { roles: ['admins'] } };
  const attacks: [string, Claims, Parameters<typeof giveTokens>[2]?][] = [
    ['signed by a stranger', roles, { key: privateKey }],
    ['of somebody else', { ...roles, sub: 'grace' }],
    ['of nobody', { ...roles, sub: undefined }],
    ['of another issuer', { ...roles, iss: 'https://evil.example' }],
    ['of an issuer with a slash more', { ...roles, iss: `${scene.provider.issuer}/` }],
    ['past its end', { ...roles, exp: seconds() - 600 }],
    ['without an end', { ...roles, exp: undefined }],
  ];
  for (const [what, claims, change] of attacks) {
    giveTokens(scene.provider, () => claims, change);
    t.equal(await loginStatus(scene), 400, what);
    t.notOk(scene.client.cookies.get('sallyport'), what);
  }
  scene.provider.tamper((hit) => hit.pass());
  t.equal(await loginStatus(scene), 400, 'an opaque one');
  await until('why', () => /the access token is no JWT/.test(scene.gateway.log.text()));
});

test('claims.from: a group that the next access token lacks is gone with the refresh', async (t) => {
  const scene = await arrangeLogin(t, { config: fromToken, provider: { ttl: { accessToken: 3 } } });
  let roles = ['clerk', 'editor'];
  giveTokens(scene.provider, () => ({ realm_access: { roles } }));
  await logIn(scene.client, scene.gateway.url, 'ada');
  t.equal(await headerOf(scene, 'x-forwarded-groups'), 'clerk,editor');
  roles = ['clerk'];
  await until('a refresh', async () => (await headerOf(scene, 'x-forwarded-groups')) === 'clerk', patience);
  t.ok(grantsOf(scene, 'refresh_token') > 0);
});

/** Userinfo answers everybody like that. */
const userinfoSays = (status: number, headers: Record<string, string> = {}, body: unknown = {}) =>
  onPath('/me', (hit) =>
    hit.send({
      status,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    }),
  );

const needsUserinfo = { provider: { conformIdTokenClaims: true } };

test('userinfo that refuses the token, as that of AD FS does, lets the login go on without its claims', async (t) => {
  const refusals: [number, Record<string, string>][] = [
    [401, { 'www-authenticate': 'Bearer error="invalid_token"' }],
    [401, {}],
    [403, {}],
  ];
  for (const [status, headers] of refusals) {
    const scene = await arrangeLogin(t, needsUserinfo);
    scene.provider.tamper(userinfoSays(status, headers));
    t.equal((await logIn(scene.client, scene.gateway.url, 'ada')).status, 200, String(status));
    t.equal(await headerOf(scene, 'x-forwarded-groups'), undefined, 'who has no groups is in none');
    await scene.gateway.log.line(({ msg }) => msg === 'userinfo failed; its claims are missing');
  }
});

test('userinfo that was asked for in any case, or is about somebody else, still ends a login that it fails', async (t) => {
  const strict = await arrangeLogin(t, { ...needsUserinfo, config: { provider: { userinfo: true } } });
  strict.provider.tamper(userinfoSays(401));
  t.equal(await loginStatus(strict), 400);
  const scene = await arrangeLogin(t, needsUserinfo);
  scene.provider.tamper(userinfoSays(200, {}, { sub: 'grace', groups: ['admins'] }));
  t.equal(await loginStatus(scene), 400);
  t.notOk(scene.client.cookies.get('sallyport'));
});

test('an error that comes with the status 200, as Slack sends it, fails with its code in the log', async (t) => {
  const endpoints: Record<string, { path: string; config: Record<string, unknown> }> = {
    'the token endpoint': { path: '/token', config: {} },
    userinfo: { path: '/me', config: {} },
    'the userinfo of plain OAuth 2.0': { path: '/me', config: { type: 'oauth2', claims: { user: 'id' } } },
  };
  const errors = [
    { ok: false, error: 'account_inactive' },
    { error: { error_code: 5, error_msg: 'account_inactive' } },
  ];
  for (const [what, { path, config }] of Object.entries(endpoints)) {
    for (const error of errors) {
      const scene = await arrangeLogin(t, { ...needsUserinfo, config: { provider: config } });
      scene.provider.tamper(onPaths({ [path]: (hit) => sendJson(hit, error) }));
      t.equal(await loginStatus(scene), 400, what);
      t.notOk(scene.client.cookies.get('sallyport'));
      await until('the error', () => /account_inactive/.test(scene.gateway.log.text()));
    }
  }
});

const absences = ({ gateway }: LoginScene) =>
  gateway.log.lines.filter(({ msg }) => /neither the ID token nor userinfo has it/.test(String(msg)));

test('a claim that rules or headers name and nobody has is named at the first login, once', async (t) => {
  const scene = await arrangeLogin(t, {
    config: {
      provider: { claims: { groups: 'realm_access.roles' } },
      headers: { 'X-Team': '{claims.team}', 'X-Name': '{name}' },
    },
    routes: (url) => [{ path: '/library', upstream: url, allow: [{ claims: { department: 'library' } }] }],
  });
  for (const person of ['ada', 'grace', 'ada']) {
    scene.client.cookies.clear();
    await logIn(scene.client, scene.gateway.url, person);
  }
  t.strictSame(
    absences(scene)
      .map(({ claim, level }) => [claim, level])
      .sort(),
    [
      ['department', 'warn'],
      ['realm_access.roles', 'warn'],
      ['team', 'warn'],
    ],
  );
});

test('what somebody has is not said of those who lack it, nor what no rule and no header of the file names', async (t) => {
  const scene = await arrangeLogin(t, {
    routes: (url) => [{ path: '/staff', upstream: url, allow: [{ groups: 'staff' }] }],
  });
  for (const person of ['ada', 'zoe']) {
    scene.client.cookies.clear();
    await logIn(scene.client, scene.gateway.url, person);
  }
  t.strictSame(absences(scene), [], 'zoe is in no group');
  const plain = await arrangeLogin(t, { provider: { people: { ada: {} } } });
  await logIn(plain.client, plain.gateway.url, 'ada');
  t.strictSame(absences(plain), [], 'every application is told of groups, and many providers know none');
});

for (const [what, difference, side] of [
  ['behind', 400, 'behind'],
  ['ahead', -4000, 'ahead'],
] as const) {
  test(`a clock that is ${what}: operator and person read by how much`, async (t) => {
    const scene = await arrangeLogin(t, {});
    scene.provider.tamper(
      alterClaims(scene.provider, (claims) => ({
        ...claims,
        iat: seconds() + difference,
        exp: seconds() + difference + 300,
      })),
    );
    const callback = await signInAtProvider(scene.client, await beginLogin(scene.client, scene.gateway.url));
    const page = await scene.client.navigate(callback.href);
    t.equal(page.status, 400);
    t.equal(page.headers['x-sallyport-error'], 'login_token_invalid');
    const [, told = ''] = /differ by (\d+) seconds/.exec(page.text) ?? [];
    t.ok(Math.abs(Number(told) - Math.abs(difference)) < 60, `the page: ${told}`);
    const line = await scene.gateway.log.line(({ msg }) => /clock/.test(String(msg)));
    t.match(line, { level: 'error', provider: 'default' });
    t.match(line.msg, new RegExp(`this one is ${side}`));
    t.equal(Math.sign(Number(line.seconds)), Math.sign(difference));
  });
}

test('a token that is just old says nothing of clocks', async (t) => {
  const scene = await arrangeLogin(t, {});
  scene.provider.tamper(alterClaims(scene.provider, (claims) => ({ ...claims, exp: seconds() - 600 })));
  t.equal(await loginStatus(scene), 400);
  t.notOk(scene.gateway.log.lines.some(({ msg }) => /clock/.test(String(msg))));
});
