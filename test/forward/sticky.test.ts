import { once } from 'node:events';
import { test } from 'tap';
import { WebSocket } from 'ws';
import { parseConfig } from '../../src/config/load.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { seal } from '../../src/session/seal.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { type Echo, echo, valuesOf } from '../support/upstream.ts';
import { arrangeTwo } from './two-targets.ts';

const cookie = 'legacy-target';
const sticky = { cookie };
const secret = Buffer.alloc(32, 7).toString('base64');
const more = { session: { secret } };

test('a browser stays with its target, be it by requests or by WebSockets', async (t) => {
  const { gateway, first, second } = await arrangeTwo(t, { sticky }, {}, more);
  const found = new Set<string>();
  for (let browser = 0; browser < 4; browser++) {
    const client = createClient();
    t.teardown(() => client.close());
    const begun = await client.get(`${gateway.url}/x`);
    t.match(begun.setCookies.join(), /^legacy-target=[\w-]+; Path=\/; HttpOnly; SameSite=Lax$/);
    t.notMatch(
      Buffer.from(begun.setCookies.join().split(/[=;]/)[1] ?? '', 'base64url').toString('latin1'),
      '127',
    );
    for (let turn = 0; turn < 4; turn++) {
      const { text, setCookies } = await client.get(`${gateway.url}/x`);
      t.same([text, setCookies], [begun.text, []]);
    }
    const headers = { cookie: client.cookies.headerFor(`${gateway.url}/`) ?? '' };
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/socket`, { headers });
    socket.on('error', () => {});
    const [{ headers: upgraded }] = await once(socket, 'upgrade');
    socket.terminate();
    t.same([upgraded['x-target'], upgraded['set-cookie']], [begun.text, undefined]);
    found.add(begun.text);
  }
  t.same(found, new Set([first.name, second.name]), 'new ones go by turns');
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/socket`);
  socket.on('error', () => {});
  const [{ headers }] = await once(socket, 'upgrade');
  socket.terminate();
  t.match(headers['set-cookie']?.join(), /^legacy-target=/, 'a handshake ties too');
});

test('one whose target is gone gets another one, and stays there', async (t) => {
  const { gateway, client, clock, first, second } = await arrangeTwo(t, { sticky }, {}, more);
  const get = () => client.request(`${gateway.url}/x`, { method: 'POST' });
  const begun = await get();
  const [own, other] = begun.text === first.name ? [first, second] : [second, first];
  await own.kill();
  const moved = await get();
  t.same([moved.text, moved.setCookies.length], [other.name, 1]);
  await own.restart();
  clock.wind(10_000);
  for (let turn = 0; turn < 4; turn++) {
    const { text, setCookies } = await get();
    t.same([text, setCookies], [other.name, []]);
  }
});

test('a target with the weight 0 keeps those that it has', async (t) => {
  const { gateway, client, first, second } = await arrangeTwo(t, { sticky }, {}, more);
  const begun = await client.get(`${gateway.url}/x`);
  const own = begun.text === first.name ? first : second;
  const yaml = gateway.yaml.replace(`- ${own.url}\n`, `- { url: "${own.url}", weight: 0 }\n`);
  await gateway.adopt(parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config);
  t.equal((await client.get(`${gateway.url}/x`)).text, begun.text, 'the reload forgot nobody');
  for (let browser = 0; browser < 3; browser++) {
    const another = createClient();
    t.not((await another.get(`${gateway.url}/x`)).text, begun.text);
    another.close();
  }
});

test('what was not sealed for this ties nobody, and harms nobody', async (t) => {
  const { gateway, first, second } = await arrangeTwo(t, { sticky }, {}, more);
  const ring = createKeyRing([Buffer.from(secret, 'base64')]);
  const good = seal(first.url, ring, 'target', cookie);
  const forged = [
    first.url,
    `${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`,
    seal(first.url, ring, 'session', cookie),
    seal(first.url, ring, 'target', 'another'),
    seal('http://evil.example', ring, 'target', cookie),
    seal(first.url, createKeyRing([Buffer.alloc(32, 8)]), 'target', cookie),
    '',
    'A'.repeat(3000),
  ];
  const client = createClient();
  t.teardown(() => client.close());
  const ask = async (value: string) => {
    const { status, text, setCookies } = await client.get(`${gateway.url}/x`, {
      cookie: `${cookie}=${value}`,
    });
    client.cookies.clear();
    return { status, text, isTied: setCookies.length === 0 };
  };
  t.same(await ask(good), { status: 200, text: first.name, isTied: true });
  for (const value of forged) {
    const found = [await ask(value), await ask(value)];
    t.same(
      found.map(({ status, isTied }) => [status, isTied]),
      [
        [200, false],
        [200, false],
      ],
      value.slice(0, 40),
    );
    t.same(new Set(found.map(({ text }) => text)), new Set([first.name, second.name]));
  }
});

test('the cookie never goes upstream, and no upstream sets it', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    response.setHeader('set-cookie', [`${cookie}=planted`, `LEGACY-target=planted`, 'own=1']);
    echo(request, response);
  });
  const routes = [
    { path: '/', allow: 'public', upstream: { targets: [upstream.url], sticky } },
    { path: '/other', allow: 'public', upstream: upstream.url },
  ];
  const { gateway } = await arrangeGateway(t, { config: { ...more, routes } });
  for (const path of ['/x', '/other']) {
    for (const value of [
      `${cookie}=x`,
      `a=1; ${cookie}=x`,
      `a=1, ${cookie}=x`,
      `LEGACY-TARGET=x`,
      `a="${cookie}=x"`,
    ]) {
      const client = createClient();
      const answer = await client.get(`${gateway.url}${path}`, {
        cookie: `${value}; legacy-target-of-app=2`,
      });
      client.close();
      const seen = valuesOf((answer.json() as Echo).rawHeaders, 'cookie').join();
      t.notMatch(seen.toLowerCase(), `${cookie}=`, `${path} ${value}`);
      t.match(seen, 'legacy-target-of-app=2', 'a cookie of the application that only begins so');
      t.notMatch(answer.setCookies.join(), 'planted');
      t.match(answer.setCookies.join(), 'own=1');
    }
  }
});

test('an answer that ties somebody is for no shared cache', async (t) => {
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.setHeader('cache-control', 'public, max-age=600, s-maxage=600');
    response.end('page');
  });
  const route = {
    path: '/',
    allow: 'public',
    sharedCache: true,
    upstream: { targets: [upstream.url], sticky },
  };
  const { gateway, client } = await arrangeGateway(t, { config: { ...more, routes: [route] } });
  const [tying, later] = [await client.get(`${gateway.url}/x`), await client.get(`${gateway.url}/x`)];
  t.equal(tying.setCookies.length, 1);
  t.match(tying.headers['cache-control'], /private|no-store/);
  t.notMatch(tying.headers['cache-control'], /public|s-maxage/);
  t.equal(tying.headers['cdn-cache-control'], 'no-store');
  t.match(
    [later.setCookies.length, later.headers['cache-control']],
    [0, 'public, max-age=600, s-maxage=600'],
  );
});

test('a new secret writes the cookie anew, with the same target', async (t) => {
  const { gateway, client } = await arrangeTwo(t, { sticky }, {}, more);
  const begun = await client.get(`${gateway.url}/x`);
  const fresh = Buffer.alloc(32, 9).toString('base64');
  const yaml = gateway.yaml.replace(`secret: ${secret}`, `secret: [${fresh}, ${secret}]`);
  await gateway.adopt(parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config);
  const [renewed, later] = [await client.get(`${gateway.url}/x`), await client.get(`${gateway.url}/x`)];
  t.same([renewed.text, renewed.setCookies.length], [begun.text, 1]);
  t.same([later.text, later.setCookies.length], [begun.text, 0]);
});
