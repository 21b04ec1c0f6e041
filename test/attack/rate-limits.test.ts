import { type Test, test } from 'tap';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { openRaw } from '../support/raw.ts';
import { acceptHandshakes, handshake } from './handshake.ts';

/** A gateway with a limit of so many in an hour. */
async function arrange(t: Test, requests: number, more: Record<string, unknown> = {}) {
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'), { forgiving: true });
  acceptHandshakes(upstream);
  const scene = await arrangeGateway(t, {
    awaitProvider: false,
    config: {
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
      rateLimit: [{ requests, per: '1h' }],
      ...more,
    },
  });
  return { ...scene, host: new URL(scene.gateway.url).host };
}

const statusesIn = (text: string) =>
  [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));

test('an X-Forwarded-For of somebody who is not trusted is no other client', async (t) => {
  const { gateway, client } = await arrange(t, 2);
  const statuses: number[] = [];
  for (let each = 0; each < 4; each++) {
    const headers = {
      'x-forwarded-for': `192.0.2.${each}`,
      forwarded: `for=198.51.100.${each}`,
      'x-real-ip': `10.0.0.${each}`,
    };
    statuses.push((await client.get(`${gateway.url}/`, headers)).status);
  }
  t.same(statuses, [200, 200, 429, 429]);
});

test('entries that a client writes before those of the trusted proxy are no other client', async (t) => {
  const { gateway, client } = await arrange(t, 2, { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] });
  const statuses: number[] = [];
  for (let each = 0; each < 4; each++) {
    const headers = { 'x-forwarded-for': `10.0.0.${each}, unknown, 192.0.2.${each}, 203.0.113.7` };
    statuses.push((await client.get(`${gateway.url}/`, headers)).status);
  }
  t.same(statuses, [200, 200, 429, 429]);
});

test('the addresses of one /64 are one client, in any spelling', async (t) => {
  const { gateway, client } = await arrange(t, 3, { trustedProxies: ['127.0.0.1'] });
  const ask = async (address: string) =>
    (await client.get(`${gateway.url}/`, { 'x-forwarded-for': address })).status;
  t.equal(await ask('2001:db8:0:7::1'), 200);
  t.equal(await ask('2001:0DB8:0000:0007:ffff:ffff:ffff:fffe'), 200);
  t.equal(await ask('[2001:db8:0:7:a::9]:443'), 200);
  t.equal(await ask('2001:db8:0:7::abcd'), 429);
  t.equal(await ask('2001:db8:0:8::1'), 200, 'the next network is another');
  t.equal(await ask('::ffff:192.0.2.1'), 200);
  for (let each = 0; each < 2; each++) t.equal(await ask('192.0.2.1'), 200);
  t.equal(await ask('::ffff:c000:201'), 429, 'an IPv4 address that is written as IPv6 is itself');
});

test('no spelling of a path leads around its limit', async (t) => {
  const { gateway, client } = await arrange(t, 1, {
    rateLimit: [{ match: { path: '/api/login' }, requests: 1, per: '1h' }],
  });
  t.equal((await client.get(`${gateway.url}/api/login`)).status, 200);
  for (const path of [
    '/api/login',
    '/API/LOGIN',
    '/api//login',
    '/api/%6cogin',
    '/api%2flogin',
    '/api/x/../login',
    '/api/./login',
    '/api/login;x',
    '/api/login/',
    '/api/login?x',
    '/api/%256cogin',
    '//api/login',
  ])
    t.equal((await client.get(gateway.url + path)).status, 429, path);
  t.equal((await client.get(`${gateway.url}/api/other`)).status, 200);
});

test('HTTP/1.0, pipelining, handshakes, other methods and hosts are counted like any request', async (t) => {
  const { gateway, client, host } = await arrange(t, 6);
  const old = await openRaw(gateway.url);
  old.write(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
  t.same(statusesIn(await old.until(/x$/)), [200]);
  old.destroy();
  const pipelined = await openRaw(gateway.url);
  pipelined.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(3));
  await pipelined.until(/(HTTP[\s\S]*){3}x/);
  t.same(statusesIn(pipelined.received()), [200, 200, 200]);
  const socket = await openRaw(gateway.url);
  socket.write(handshake(host));
  t.match(await socket.until('\r\n\r\n'), /^HTTP\/1\.1 101/);
  socket.destroy();
  t.equal((await client.request(`${gateway.url}/`, { method: 'PUT', body: 'y' })).status, 200);

  t.equal((await client.request(`${gateway.url}/`, { method: 'OPTIONS' })).status, 429);
  t.equal((await client.request(`${gateway.url}/`, { method: 'POST', body: 'y' })).status, 429);
  pipelined.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(2));
  await pipelined.until(/(HTTP[\s\S]*){5}/);
  t.same(statusesIn(pipelined.received()).slice(3), [429, 429]);
  pipelined.destroy();
  const late = await openRaw(gateway.url);
  late.write(handshake(host));
  t.match(await late.until('\r\n\r\n'), /^HTTP\/1\.1 429[\s\S]*retry-after: \d/i);
  late.destroy();
});

test('the question of a proxy counts for the client that it asks about', async (t) => {
  const { gateway, client } = await arrange(t, 2, { trustedProxies: ['127.0.0.1'] });
  const { host } = new URL(gateway.url);
  const ask = async (address: string) =>
    (
      await client.get(`${gateway.url}/oauth2/forward-auth`, {
        'x-forwarded-for': address,
        'x-forwarded-method': 'GET',
        'x-forwarded-host': host,
        'x-forwarded-uri': '/',
      })
    ).status;
  t.same([await ask('192.0.2.1'), await ask('192.0.2.1'), await ask('192.0.2.1')], [200, 200, 429]);
  t.equal(await ask('192.0.2.2'), 200);
});

test('a client that sends a new header value each time still meets the limit of its address', async (t) => {
  const { gateway, client } = await arrange(t, 1, {
    rateLimit: [
      { by: { header: 'X-Key' }, requests: 5, per: '1h' },
      { by: 'client', requests: 3, per: '1h' },
    ],
  });
  const statuses: number[] = [];
  for (let each = 0; each < 5; each++)
    statuses.push((await client.get(`${gateway.url}/`, { 'x-key': `${each}${'k'.repeat(4000)}` })).status);
  t.same(statuses, [200, 200, 200, 429, 429]);
});
