import { decodeJwt } from 'jose';
import { test } from 'tap';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { bearerOf, startTokenProvider } from './scene.ts';

const resource = 'https://reports.example.com';

async function arrange(t: Teardown, options: Parameters<typeof startTokenProvider>[1] = {}) {
  const provider = await startTokenProvider(t, options);
  const upstream = await arrangeUpstream(t);
  const jobs = provider.jobs;
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/jobs', upstream: upstream.url, token: { clientCredentials: true, resource, scopes: ['read'] } },
    {
      path: '/open',
      upstream: upstream.url,
      allow: 'public',
      token: { clientCredentials: true, resource, scopes: ['read'] },
    },
    { path: '/others', upstream: upstream.url, token: { clientCredentials: jobs, resource } },
  ];
  return { ...(await arrangeGateway(t, { provider, config: { routes } })), provider, upstream };
}

test('RFC 6749 §4.4: a service gets the gateway’s own token, one for everybody and for public routes', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  const stranger = await client.get(`${gateway.url}/open`);
  t.equal(stranger.status, 200);
  const token = bearerOf(stranger);
  t.match(decodeJwt(token ?? ''), { aud: resource, client_id: 'app', scope: 'read' });
  for (const person of ['ada', 'grace']) {
    const browser = createClient();
    t.teardown(() => browser.close());
    await logIn(browser, gateway.url, person);
    t.equal(bearerOf(await browser.get(`${gateway.url}/jobs`)), token, 'the same for everybody');
  }
  t.equal(provider.tokenRequests.length, 1);
  t.notOk(gateway.log.text().includes(token ?? 'none'));
});

test('another client of the provider may get it, by an id and a secret of its own', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  await logIn(client, gateway.url, 'ada');
  const token = bearerOf(await client.get(`${gateway.url}/others`)) ?? '';
  t.match(decodeJwt(token), { aud: resource, client_id: 'jobs' });
  t.notOk(gateway.log.text().includes(provider.jobs.clientSecret));
});

test('a strange client at a public route costs one call to the provider, however often it comes', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  const answers = await Promise.all(Array.from({ length: 300 }, () => client.get(`${gateway.url}/open`)));
  t.same([...new Set(answers.map(({ status }) => status))], [200]);
  t.equal(provider.tokenRequests.length, 1);
});

test('a client that the provider does not take is 502, and asked about again only after a while', async (t) => {
  const { client, gateway, provider, upstream } = await arrange(t);
  provider.tamper((hit) =>
    hit.path === '/token'
      ? hit.send({
          status: 401,
          headers: { 'content-type': 'application/json' },
          body: '{"error":"invalid_client"}',
        })
      : hit.pass(),
  );
  for (let time = 0; time < 20; time++) {
    const answer = await client.get(`${gateway.url}/open`);
    t.equal(answer.status, 502);
    t.equal(answer.headers['x-sallyport-error'], 'token_unavailable');
  }
  t.equal(provider.hits.get('/token'), 1);
  t.same(upstream.requests, []);
});

test('an outage is 503 for this route only, and the provider is left alone meanwhile', async (t) => {
  const { client, gateway, provider } = await arrange(t);
  await logIn(client, gateway.url, 'ada');
  let calls = 0;
  provider.tamper(async (hit) => {
    if (hit.path !== '/token') {
      await hit.pass();
      return;
    }
    calls += 1;
    hit.send({ status: 503, headers: { 'retry-after': '5' } });
  });
  const answers = await Promise.all(Array.from({ length: 50 }, () => client.get(`${gateway.url}/open`)));
  for (const answer of answers) {
    t.equal(answer.status, 503);
    t.ok(Number(answer.headers['retry-after']) >= 1);
  }
  t.equal((await client.get(`${gateway.url}/open`)).status, 503);
  t.equal(calls, 1);
  t.equal((await client.get(`${gateway.url}/`)).status, 200);
});
