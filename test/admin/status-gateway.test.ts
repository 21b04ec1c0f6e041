import { type Test, test } from 'tap';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { type Client, createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { token, withToken } from './scene.ts';

const admin = { listen: '127.0.0.1:0', token };

/** The words of a page, with one blank between them. */
async function wordsOf(client: Client, url: string | undefined, headers = {}): Promise<string> {
  const { status, text } = await client.get(`${url}/`, headers);
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return text
    .replace(/<(style|script)>.*?<\/\1>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
}

const shows = (t: Test, client: Client, url: string | undefined, words: string | RegExp, headers = {}) =>
  until(String(words), async () => {
    const text = await wordsOf(client, url, headers);
    return typeof words === 'string' ? text.includes(words) : words.test(text);
  }).then(() => t.pass(String(words)));

test('a refusal is shown with its rule, and nothing of it to those without the token', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const { url: upstream } = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream, allow: 'public' },
    { path: '/secret-place', upstream, allow: [{ groups: 'nobody-at-all' }] },
  ];
  const { gateway, client } = await arrangeGateway(t, {
    provider,
    config: { admin, routes, metrics: 'off' },
  });
  await logIn(client, `${gateway.url}/secret-place`, 'ada').catch(() => {});
  const path = `/secret-place/"><script>alert(1)</script>`;
  const { status } = await client.get(`${gateway.url}${encodeURI(path)}?code=a-code-of-the-query`);
  t.equal(status, 403);
  await client.get(`${gateway.url}/`);
  const all = await client.get(`${gateway.adminUrl}/`, withToken);
  t.equal(all.status, 200);
  t.match(all.text, /none holds: allow\[0\]\.groups/);
  t.match(all.text, 'ada');
  t.match(all.text, '127.0.0.1');
  t.notMatch(all.text, 'a-code-of-the-query');
  t.equal(all.text.split('<script').length, 2);
  t.match(all.text, '/secret-place/%22%3E%3Cscript%3Ealert(1)%3C/script%3E');
  const part = await client.get(`${gateway.adminUrl}/`);
  for (const word of ['ada', 'secret-place', '127.0.0.1', 'localhost', 'none holds', 'http://', upstream])
    t.notMatch(part.text.replace('http://www.w3.org/2000/svg', ''), word);
});

test('targets: one of two that is out, and the only one', async (t) => {
  const { url: upstream } = await arrangeUpstream(t);
  const gone = `http://127.0.0.1:${await freePort()}`;
  const routes = [
    { path: '/', upstream: [upstream, gone], allow: 'public' },
    { path: '/single', upstream: gone, allow: 'public' },
  ];
  const config = { admin, routes, provider: undefined };
  const { gateway, client } = await arrangeGateway(t, { config });
  t.notMatch(await wordsOf(client, gateway.adminUrl), 'target out');
  for (let at = 0; at < 4; at++) await client.get(`${gateway.url}/`);
  await client.get(`${gateway.url}/single`);
  const part = await wordsOf(client, gateway.adminUrl);
  t.match(part, 'Ready, with trouble');
  t.match(part, /target out Route 1, Target 2 target out Route 2, Target 1/);
  t.notMatch(part, gone);
  const all = await wordsOf(client, gateway.adminUrl, withToken);
  t.match(all, `/ → ${gone}`);
  t.match(all, new RegExp(`${gone} out since \\d\\d:\\d\\d:\\d\\d: [^<]*ECONNREFUSED`));
  t.match(all, /1 of 1/, 'what failed of the second route');
});

test('a provider that is out, and one that is found again', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  await provider.stop();
  const clock = createWoundClock();
  const { url: upstream } = await arrangeUpstream(t);
  const parts = { provider, clock, awaitProvider: false, upstream: { url: upstream }, config: { admin } };
  const { gateway, client } = await arrangeGateway(t, parts as never);
  await shows(t, client, gateway.adminUrl, 'provider unreachable: default');
  await shows(t, client, gateway.adminUrl, 'it was not found since the start', withToken);
  t.notMatch(await wordsOf(client, gateway.adminUrl), new URL(provider.issuer).port);
  await provider.restart();
  clock.wind(15_000);
  await shows(t, client, gateway.adminUrl, 'Nothing is known to be wrong.');
});

test('a store that is out, and a gateway that drains', async (t) => {
  const { url: upstream } = await arrangeUpstream(t);
  const store = `redis://127.0.0.1:${await freePort()}`;
  const config = { admin, session: { store, redis: { timeout: '300ms' } } };
  const { gateway, client } = await arrangeGateway(t, { upstream: { url: upstream }, config } as never);
  await shows(t, client, gateway.adminUrl, /Not ready .*the store: Redis is not reachable/);
  await shows(t, client, gateway.adminUrl, 'store of sessions Redis store unreachable');
  t.notMatch(await wordsOf(client, gateway.adminUrl), store.slice(8));
  await client.request(`${gateway.adminUrl}/drain`, { method: 'POST', headers: withToken });
  await shows(t, client, gateway.adminUrl, 'the gateway is draining');
});

test('rates and durations are drawn, event streams are open, and failures count', async (t) => {
  const clock = createWoundClock();
  const { url: upstream } = await arrangeUpstream(t, (request, response) => {
    request.resume();
    if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      return;
    }
    response.writeHead(request.url === '/bad' ? 500 : 200).end('hello');
  });
  const routes = [{ path: '/', upstream, allow: 'public' }];
  const config = { admin, routes, provider: undefined };
  const { gateway, client } = await arrangeGateway(t, { clock, config });
  t.match(await wordsOf(client, gateway.adminUrl), 'No request came.');
  for (let at = 0; at < 30; at++) await client.get(`${gateway.url}/${at % 10 === 0 ? 'bad' : 'good'}`);
  const stream = await client.open(`${gateway.url}/events`);
  clock.wind(11_000);
  const { text } = await client.get(`${gateway.adminUrl}/`);
  t.match(text, /aria-label="Requests a second over the last 30 minutes: 0\.5 in the last minute/);
  t.match(text, /the median of the last minute is [\d.]+ m?s, and 99 of 100 take no longer than [\d.]+ m?s/);
  t.match(text, /in the last minute 0 were refused, and 0\.05 failed/);
  t.match(text, 'event streams 1');
  t.match(text, /class="line a" d="[^"]*L/);
  stream.destroy();
  clock.wind(31 * 60_000);
  t.match(await wordsOf(client, gateway.adminUrl), 'No request came.', 'half an hour later');
});

test('certificates near their end, by their keys; whom they name is for operators', async (t) => {
  const certificate = await makeCertificate('gateway.internal.example', { days: 3 });
  const { url: upstream } = await arrangeUpstream(t);
  const { certFile: cert, keyFile: key } = certificate;
  const port = await freePort();
  const listen = { address: `127.0.0.1:${port}`, tls: { cert, key } };
  const adminAt = `127.0.0.1:${await freePort()}`;
  const gateway = await spawnGateway({
    upstream,
    config: {
      listen,
      publicUrl: `https://127.0.0.1:${port}`,
      admin: { listen: adminAt, token },
      provider: undefined,
      routes: [{ path: '/', upstream, allow: 'public' }],
      upstream: undefined,
    },
  } as never);
  t.teardown(() => gateway.stop());
  const client = createClient();
  t.teardown(() => client.close());
  await shows(t, client, `http://${adminAt}`, /listen\.tls\.cert ends soon \d{4}-\d\d-\d\d 2 days left/);
  const part = await wordsOf(client, `http://${adminAt}`);
  t.notMatch(part, 'gateway.internal.example');
  t.notMatch(part, cert);
  const all = await wordsOf(client, `http://${adminAt}`, withToken);
  t.match(all, 'gateway.internal.example');
  t.match(all, cert);
});
