import { type Test, test } from 'tap';
import { onPath, onPaths, sendJson } from '../attack/forged-token.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider, type Tamper, type TestProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { anotherBrowser, isSignedIn } from './steps.ts';

const wellKnown = '/.well-known/openid-configuration';

async function arrange(t: Test, tamper?: (provider: TestProvider) => Tamper) {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  if (tamper) provider.tamper(tamper(provider));
  const upstream = await arrangeUpstream(t);
  const start = async (settings: object = {}, awaitProvider = true) => {
    const gateway = await startTestGateway({
      provider,
      upstream,
      awaitProvider,
      config: {
        provider: settings,
        routes: [{ path: '/public', upstream: upstream.url, allow: 'public' }],
      },
    });
    t.teardown(() => gateway.close());
    return gateway;
  };
  /** What the log says of a provider that is not found. */
  const reasonWith = async (settings: object = {}) => {
    const gateway = await start(settings, false);
    const line = await gateway.log.line(({ msg }) => msg === 'provider not found');
    t.equal((await anotherBrowser(t).navigate(`${gateway.url}/`)).status, 503);
    return String(line.reason);
  };
  return { provider, start, reasonWith };
}

const moved = (location: string, status = 302): Tamper =>
  onPath(wellKnown, (hit) => hit.send({ status, headers: { location } }));

/** Answers at some path as the provider does at the usual one. */
const metadataAt = (path: string, tamper: Tamper): Tamper => {
  return async (hit) => {
    if (hit.path !== path) return tamper(hit);
    const answer = await fetch(`http://${hit.request.headers.host}${wellKnown}?inside`);
    sendJson(hit, await answer.json());
  };
};

test('discovery follows redirects that stay on the origin, and people sign in', async (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { start } = await arrange(t, () =>
      metadataAt('/moved', (hit) =>
        hit.path === wellKnown && !hit.request.url?.includes('inside')
          ? hit.send({ status, headers: { location: '/moved' } })
          : hit.pass(),
      ),
    );
    const gateway = await start();
    const client = anotherBrowser(t);
    await logIn(client, gateway.url, 'ada');
    t.ok(await isSignedIn(client, gateway.url), String(status));
  }
});

test('C20 discovery never follows a redirect to another origin', async (t) => {
  const stranger = await startProvider();
  t.teardown(() => stranger.stop());
  const { port } = new URL(stranger.issuer);
  const places = [
    `${stranger.issuer}${wellKnown}`,
    `//127.0.0.1:${port}${wellKnown}`,
    `http://localhost:${port}/`,
    'https://evil.example/',
    'file:///etc/passwd',
    'http://',
  ];
  for (const place of places) {
    await t.test(place, async (sub) => {
      const { reasonWith } = await arrange(sub, () => moved(place));
      sub.match(await reasonWith(), /redirects to .*another origin/);
    });
  }
  await t.test('with a name and a password', async (sub) => {
    const { reasonWith } = await arrange(sub, ({ issuer }) => moved(issuer.replace('://', '://a:b@')));
    sub.match(await reasonWith(), /another origin/);
  });
  await t.test('on the second step', async (sub) => {
    const to =
      (location: string): Tamper =>
      (hit) =>
        hit.send({ status: 302, headers: { location } });
    const { reasonWith } = await arrange(sub, () =>
      onPaths({ [wellKnown]: to('/next'), '/next': to(stranger.issuer) }),
    );
    sub.match(await reasonWith(), /another origin/);
  });
  t.equal(stranger.hits.size, 0, 'nobody else was asked');
});

test('redirects in circles come to an end', async (t) => {
  const { provider, reasonWith } = await arrange(t, () => moved(wellKnown));
  t.match(await reasonWith(), /redirects more than 5 times/);
  t.ok((provider.hits.get(wellKnown) ?? 0) < 20);
});

test('metadataUrl says where the metadata are, and they name the issuer all the same', async (t) => {
  const odd = '/tenants/one/metadata.json';
  const nothing: Tamper = (hit) =>
    hit.path === wellKnown && !hit.request.url?.includes('inside') ? hit.send({ status: 404 }) : hit.pass();
  const { provider, start, reasonWith } = await arrange(t, () => metadataAt(odd, nothing));
  const metadataUrl = `${provider.issuer}${odd}`;
  const gateway = await start({ metadataUrl });
  const client = anotherBrowser(t);
  await logIn(client, gateway.url, 'ada');
  t.ok(await isSignedIn(client, gateway.url));
  const other = 'https://id.example.com';
  t.match(await reasonWith({ metadataUrl, issuer: other }), `calls itself ${provider.issuer}`);
  const secret = await reasonWith({ metadataUrl: `${provider.issuer}/nowhere?key=abc` });
  t.match(secret, `${provider.issuer}/nowhere answered 404`);
  t.notMatch(secret, 'abc', 'an address may hold a secret in its query');
});

test('with metadataUrl, endpoints that are given by hand win over the discovered ones', async (t) => {
  const { provider, start } = await arrange(t);
  const { issuer } = provider;
  const gateway = await start({
    metadataUrl: `${issuer}${wellKnown}`,
    authorizationEndpoint: `${issuer}/auth?by=hand`,
    tokenEndpoint: `${issuer}/token`,
    jwksUri: `${issuer}/jwks`,
  });
  const answer = await anotherBrowser(t).navigate(`${gateway.url}/`);
  t.match(answer.headers.location, `${issuer}/auth?by=hand&`);
  t.ok(provider.hits.get(wellKnown), 'and the rest is discovered');
});

test('what goes wrong is said with the address that was asked, and with what to do', async (t) => {
  const cases: [string, Tamper, (issuer: string) => string | RegExp][] = [
    [
      'the issuer is another one',
      onPath(wellKnown, async (hit) => {
        const metadata = JSON.parse((await hit.original()).body) as object;
        sendJson(hit, { ...metadata, issuer: 'https://id.example.com/realms/main' });
      }),
      (issuer) => `calls itself https://id.example.com/realms/main, and the configuration calls it ${issuer}`,
    ],
    [
      'there is nothing',
      onPath(wellKnown, (hit) => hit.send({ status: 404 })),
      (issuer) =>
        `${issuer}${wellKnown} answered 404: the issuer is the address that the provider calls itself`,
    ],
    [
      'it is not allowed',
      onPath(wellKnown, (hit) => hit.send({ status: 403 })),
      (issuer) => `${issuer}${wellKnown} answered 403`,
    ],
    [
      'it is a page',
      onPath(wellKnown, (hit) => hit.send({ headers: { 'content-type': 'text/html' }, body: '<h1>Hi</h1>' })),
      (issuer) => `${issuer}${wellKnown} answered something other than the metadata`,
    ],
  ];
  for (const [what, tamper, says] of cases) {
    const { provider, reasonWith } = await arrange(t, () => tamper);
    t.match(await reasonWith(), says(provider.issuer), what);
  }
});

test('who comes right after the start waits for the first discovery', async (t) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { provider, start } = await arrange(t, () =>
    onPath(wellKnown, async (hit) => {
      await held;
      await hit.pass();
    }),
  );
  const gateway = await start({}, false);
  await until('the question', () => provider.hits.has(wellKnown));
  const early = [anotherBrowser(t), anotherBrowser(t)];
  const answers = early.map((client) => client.navigate(`${gateway.url}/`));
  t.equal((await anotherBrowser(t).get(`${gateway.url}/public`)).status, 200, 'nobody else waits');
  t.equal((await anotherBrowser(t).get(`${gateway.url}/`)).status, 401, 'nor does a program');
  release();
  for (const answer of answers) t.equal((await answer).status, 302);
  t.equal(provider.hits.get(wellKnown), 1);
});

test('nobody waits longer than timeout, and only once', async (t) => {
  const { start } = await arrange(t, () => onPath(wellKnown, () => {}));
  const gateway = await start({ timeout: '1s' }, false);
  const first = await anotherBrowser(t).navigate(`${gateway.url}/`);
  t.equal(first.status, 503);
  t.equal(first.headers['x-sallyport-error'], 'provider_unavailable');
  await gateway.log.line(({ msg }) => msg === 'provider not found');
  t.equal((await anotherBrowser(t).navigate(`${gateway.url}/`)).status, 503);
});
