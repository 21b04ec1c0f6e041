import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import { sendJson } from '../attack/forged-token.ts';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import type { HttpAnswer } from '../support/client.ts';
import type { ProviderHit, TestProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import {
  type BearerScene,
  challengeOf,
  header,
  introspectingEntry,
  introspectionPath,
  issuedToken,
  startIssuer,
} from './scene.ts';

const resource = 'https://opaque.example.com';
const seconds = () => Math.floor(Date.now() / 1000);

type Opaque = Pick<BearerScene, 'gateway' | 'client' | 'upstream' | 'provider'> & {
  ask(token: string, path?: string): Promise<HttpAnswer>;
  issue(parameters?: Record<string, string>): Promise<string>;
  lookUps(): number;
};

async function arrange(t: Teardown, entry: Record<string, unknown> = {}): Promise<Opaque> {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const scene = await arrangeGateway(t, {
    config: {
      provider: undefined,
      bearer: [
        {
          ...introspectingEntry(provider),
          issuer: provider.issuer,
          audience: resource,
          ...entry,
        },
      ],
      routes: [
        { upstream: upstream.url },
        { path: '/write', upstream: upstream.url, allow: [{ scope: 'files:write' }] },
        { path: '/open', upstream: upstream.url, allow: 'public' },
      ],
    },
  });
  return {
    ...scene,
    upstream,
    provider,
    ask: (token, path = '/') =>
      scene.client.get(scene.gateway.url + path, { authorization: `Bearer ${token}` }),
    issue: (parameters) => issuedToken(scene, provider, { resource, scope: 'files:read', ...parameters }),
    lookUps: () => provider.hits.get(introspectionPath) ?? 0,
  };
}

const opaque = () => randomBytes(24).toString('base64url');

/** Answers introspection with what a good token would have, and what is to be different. */
function answering({ provider }: { provider: TestProvider }, change: Record<string, unknown>): void {
  provider.tamper((hit: ProviderHit) => {
    if (hit.path !== introspectionPath) return hit.pass();
    const { issuer: iss } = provider;
    const good = { active: true, iss, aud: resource, sub: 'ada', exp: seconds() + 300, scope: 'files:read' };
    return sendJson(hit, { ...good, ...change });
  });
}

test('an opaque token passes that its issuer calls active, and is looked up once', async (t) => {
  const scene = await arrange(t);
  const token = await scene.issue();
  t.notMatch(token, /\./, 'no JWT');
  const answers = await Promise.all(Array.from({ length: 20 }, () => scene.ask(token)));
  t.ok(answers.every(({ status }) => status === 200));
  t.equal(header(answers[0] as HttpAnswer, 'authorization'), `Bearer ${token}`);
  t.equal(header(answers[0] as HttpAnswer, 'x-forwarded-user'), 'client:robot', 'it names no sub');
  t.equal((await scene.ask(token)).status, 200);
  t.equal(scene.lookUps(), 1);
});

test('E6: a token that is not active is refused, and that is remembered for a moment only', async (t) => {
  const scene = await arrange(t);
  const token = opaque();
  for (let round = 0; round < 5; round++) {
    const answer = await scene.ask(token);
    t.equal(answer.status, 401);
    t.match(challengeOf(answer), { error: 'invalid_token', error_description: 'The token is not active' });
  }
  t.equal(scene.lookUps(), 1);
  await until(
    'a second look',
    async () => (await scene.ask(token)).status === 401 && scene.lookUps() === 2,
    10_000,
  );
});

test('E6: without a configured audience, a token for nobody in particular passes, and one for another does not', async (t) => {
  const scene = await arrange(t, { audience: undefined });
  const statusOf = async (aud: unknown) => {
    answering(scene, { aud });
    return (await scene.ask(opaque())).status;
  };
  t.equal(await statusOf(undefined), 200);
  t.equal(await statusOf(scene.provider.clientId), 200, 'for the client that asks');
  for (const aud of ['https://other.example.com', ['a', 'b'], '', {}])
    t.equal(await statusOf(aud), 401, JSON.stringify(aud));
});

test('E6: exp, nbf, aud, iss, scope and the kind of token are checked here too', async (t) => {
  const scene = await arrange(t);
  const bad: Record<string, Record<string, unknown>> = {
    'not active': { active: false },
    'exp past': { exp: seconds() - 60 },
    'exp a text': { exp: 'later' },
    'nbf in the future': { nbf: seconds() + 600 },
    'iss of another': { iss: 'https://evil.example' },
    'aud of another': { aud: 'https://other.example.com' },
    'aud missing': { aud: undefined },
    'aud a list without us': { aud: ['a', 'b'] },
    'nobody named': { sub: undefined },
    'sub empty': { sub: '' },
    'a refresh token': { token_type: 'refresh_token' },
    'an ID token': { nonce: 'n' },
    'a refresh token of Keycloak': { typ: 'Refresh' },
    'bound to a key': { cnf: { jkt: 'x'.repeat(43) } },
    'bound to something unknown': { cnf: { kid: 'x' } },
  };
  for (const [what, change] of Object.entries(bad)) {
    answering(scene, change);
    const answer = await scene.ask(opaque());
    t.equal(answer.status, 401, what);
  }
  t.strictSame(scene.upstream.requests, []);
  answering(scene, {});
  t.equal((await scene.ask(opaque())).status, 200, 'and a good one passes');
  const narrow = await scene.ask(opaque(), '/write');
  t.equal(narrow.status, 403);
  t.match(challengeOf(narrow), { error: 'insufficient_scope', scope: 'files:write' });
  answering(scene, { scope: 'files:read files:write' });
  t.equal((await scene.ask(opaque(), '/write')).status, 200);
});

test('E6: an answer that says nothing of the token is 503, and never lets anybody in', async (t) => {
  const answers: Record<string, (hit: ProviderHit) => void | Promise<void>> = {
    'a failure': (hit) => hit.send({ status: 500 }),
    'too many requests': (hit) => hit.send({ status: 429 }),
    'no JSON': (hit) => hit.send({ headers: { 'content-type': 'application/json' }, body: 'true' }),
    'active a text': (hit) => sendJson(hit, { active: 'true', aud: resource, sub: 'ada' }),
    'a redirect': (hit) => hit.send({ status: 302, headers: { location: 'https://evil.example' } }),
    'our client is not known': (hit) => sendJson(hit, { error: 'invalid_client' }, 401),
    'a broken connection': (hit) => void hit.response.destroy(),
  };
  for (const [what, misbehave] of Object.entries(answers)) {
    const scene = await arrange(t);
    scene.provider.tamper((hit) => (hit.path === introspectionPath ? misbehave(hit) : hit.pass()));
    const answer = await scene.ask(opaque());
    t.equal(answer.status, 503, what);
    t.ok(Number(answer.headers['retry-after']) >= 1, what);
    t.strictSame(scene.upstream.requests, [], what);
  }
});

test('E6: endpoint down: 503, except for a token that is known, and back again after it', async (t) => {
  const scene = await arrange(t, { timeout: '1s' });
  const known = await scene.issue();
  const unknown = await scene.issue();
  t.equal((await scene.ask(known)).status, 200);
  await scene.provider.stop();
  t.equal((await scene.ask(known)).status, 200);
  const answer = await scene.ask(unknown);
  t.equal(answer.status, 503);
  t.equal(answer.headers['x-sallyport-error'], 'provider_unavailable');
  t.equal((await scene.ask(unknown, '/open')).status, 200, 'as nobody, where everybody may pass');
  await scene.provider.restart();
  await until('the endpoint again', async () => (await scene.ask(unknown)).status === 200, 10_000);
});

test('E6: a slow endpoint is given up after the timeout', async (t) => {
  const scene = await arrange(t, { timeout: '300ms' });
  scene.provider.tamper((hit) => (hit.path === introspectionPath ? undefined : hit.pass()));
  const begun = Date.now();
  t.equal((await scene.ask(opaque())).status, 503);
  t.ok(Date.now() - begun < 5000);
});

test('a JWT that names another issuer is not shown to the introspection endpoint', async (t) => {
  const scene = await arrange(t);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'RS256', typ: 'at+jwt' })}.${part({ iss: 'https://bank.example' })}.c2ln`;
  t.equal((await scene.ask(token)).status, 401);
  t.equal(scene.lookUps(), 0);
});

test('random tokens cannot flood the issuer: so many are looked up at a time and no more', async (t) => {
  const scene = await arrange(t, { timeout: '60s' });
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  scene.provider.tamper(async (hit) => {
    if (hit.path !== introspectionPath) return hit.pass();
    await gate;
    return sendJson(hit, { active: false });
  });
  const statuses: number[] = [];
  const asking = Array.from({ length: 150 }, async () => {
    statuses.push((await scene.ask(opaque())).status);
    // The look-ups are held back until everybody else was sent away.
    if (statuses.length === 50) open();
  });
  await Promise.all(asking);
  t.strictSame(
    [401, 503].map((status) => statuses.filter((each) => each === status).length),
    [100, 50],
  );
  t.equal(scene.lookUps(), 100);
});
