import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'tap';
import { createClient } from '../support/client.ts';
import { openRaw } from '../support/raw.ts';
import { arrangeAdmin, token, withToken } from './scene.ts';

test('no spelling of a path, and no method in a header, comes past the guard', async (t) => {
  const { admin, done } = await arrangeAdmin(t);
  const { host } = new URL(admin.url);
  const paths = [
    ...['//reload', '/RELOAD', '/reload/', '/./reload', '/healthz/../reload', '/%72eload', '/reload%00'],
    ...['/reload;x=1', '/reload%3Fdry-run', '/reload%20', '/healthz/../../reload', '\\reload', '/reload#x'],
    ...['/healthz%2f..%2freload', '/healthz;/reload', `http://${host}/reload`, 'http://evil.example/reload'],
    ...['*', '/sessions/%2e%2e/reload', '/healthz?/../reload', '/readyz?x=/reload'],
  ];
  const overrides = [
    ...['X-HTTP-Method-Override: POST', 'X-Method-Override: DELETE', 'X-Original-URL: /reload'],
    ...['X-Rewrite-URL: /reload', 'X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Host: localhost'],
  ];
  const send = async (lines: string[]) => {
    const connection = await openRaw(admin.url);
    connection.write([...lines, 'Connection: close', '', ''].join('\r\n'));
    const answer = await connection.until(/\r\n\r\n/);
    connection.destroy();
    return Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]);
  };
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const without = await send([`${method} ${path} HTTP/1.1`, `Host: ${host}`, 'Content-Length: 0']);
      t.ok([200, 400, 401, 404, 405].includes(without), `${method} ${path}: ${without}`);
    }
  }
  for (const line of overrides) {
    for (const path of ['/healthz', '/reload', '/config'])
      await send([`GET ${path}?_method=POST HTTP/1.1`, `Host: ${host}`, line]);
  }
  t.same(done, [], 'nothing was done');
  const known = await send([
    `POST /%72eload HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: Bearer ${token}`,
    'Content-Length: 0',
  ]);
  t.equal(known, 404, 'nor by who has the token: one thing has one name');
});

test('a page whose name was led here reads nothing, though its browser sends what it is told', async (t) => {
  const { admin, done } = await arrangeAdmin(t);
  const client = createClient();
  t.teardown(() => client.close());
  for (const path of ['/config', '/sessions?user=ada']) {
    const answer = await client.get(admin.url + path, { ...withToken, host: 'evil.example:4181' });
    t.equal(answer.status, 421);
  }
  const answer = await client.request(`${admin.url}/reload`, {
    method: 'POST',
    headers: { ...withToken, host: 'evil.example:4181', 'sec-fetch-site': 'same-origin' },
  });
  t.equal(answer.status, 421);
  t.same(done, []);
  const health = await client.get(`${admin.url}/healthz`, { host: 'pod-7.example:4181' });
  t.equal(health.status, 200, 'health names nobody');
});

test('no preflight is answered, and the forms of pages do nothing', async (t) => {
  const { admin, done } = await arrangeAdmin(t);
  const client = createClient();
  t.teardown(() => client.close());
  const preflight = await client.request(`${admin.url}/reload`, {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  });
  t.equal(preflight.status, 405);
  t.equal(preflight.headers.allow, 'POST');
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const headers = { 'content-type': type, origin: 'https://evil.example' };
    for (const more of [{}, withToken]) {
      const form = await client.request(`${admin.url}/reload`, {
        method: 'POST',
        headers: { ...headers, ...more },
        body: 'dry-run=false',
      });
      t.equal(form.status, 403, type);
      t.notOk(Object.keys(form.headers).some((name) => name.startsWith('access-control')));
    }
  }
  t.same(done, []);
});

test('who guesses is slowed down, and keeps nobody else out', async (t) => {
  const { admin, done, events } = await arrangeAdmin(t);
  const { port } = new URL(admin.url);
  const agents = new Map<string, Agent>();
  const askFrom = (localAddress: string, shown: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const agent = agents.get(localAddress) ?? new Agent({ keepAlive: true, maxSockets: 8 });
      agents.set(localAddress, agent);
      const headers = { authorization: `Bearer ${shown}` };
      const options = {
        agent,
        host: '127.0.0.1',
        port,
        localAddress,
        method: 'POST',
        path: '/drain',
        headers,
      };
      request(options, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
      })
        .on('error', reject)
        .end();
    });
  t.teardown(() => {
    for (const agent of agents.values()) agent.destroy();
  });
  const statuses = new Map<number, number>();
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_none, at) => askFrom('127.0.0.66', `guess-number-${round * 100 + at}`)),
    );
    for (const status of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  const told = statuses.get(401) ?? 0;
  // One more for each ten seconds that this took.
  t.ok(told >= 10 && told < 15, `${told} were told that they are wrong`);
  t.equal(statuses.get(429), 1000 - told);
  t.equal(await askFrom('127.0.0.66', token), 429);
  t.equal(await askFrom('127.0.0.1', token), 200);
  t.same(done, ['drain']);
  const calls = events.filter(({ kind }) => kind === 'admin-call').length;
  t.equal(calls, told + 1, 'the log is not flooded either');
  t.notOk(JSON.stringify(events).includes('guess-number'), 'what was shown is nowhere');
  t.notOk(JSON.stringify(events).includes(token));
});

test('large heads and bodies are refused, and a body is not waited for', async (t) => {
  const { admin, done } = await arrangeAdmin(t);
  const client = createClient();
  t.teardown(() => client.close());
  const huge = await client.get(`${admin.url}/healthz`, { 'x-filler': 'x'.repeat(20_000) });
  t.equal(huge.status, 431);
  const body = 'x'.repeat(100_000);
  const refused = await client
    .request(`${admin.url}/reload`, { method: 'POST', body })
    .catch(() => undefined);
  t.ok(refused === undefined || refused.status === 401, 'who may not, need not send it');
  const allowed = await client
    .request(`${admin.url}/reload`, { method: 'POST', headers: withToken, body })
    .catch(() => undefined);
  t.ok(allowed === undefined || allowed.status === 413);
  t.same(done, []);
  const raw = await openRaw(admin.url);
  raw.write('POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n');
  t.match(await raw.until(/\r\n\r\n/), /^HTTP\/1.1 401/);
  await raw.closed();
  const small = await client.request(`${admin.url}/reload`, {
    method: 'POST',
    headers: withToken,
    body: '{}',
  });
  t.equal(small.status, 200, 'what some clients send with each POST');
});

/** Asks on a connection of its own. */
function health(url: string, localAddress: string): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    const { port } = new URL(url);
    request({ agent: false, host: '127.0.0.1', port, localAddress, path: '/healthz' }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

/** Opens a connection, and says nothing or half of a head. */
function hold(url: string, localAddress: string, bytes: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), localAddress });
    socket.on('error', reject);
    socket.on('connect', () => {
      socket.write(bytes);
      resolve(socket);
    });
  });
}

test('health is answered at once, whoever holds however many connections', async (t) => {
  const { admin } = await arrangeAdmin(t);
  for (const [bytes, addresses] of [
    ['', 1],
    ['GET /healthz HTTP/1.1\r\nX-Half: ', 1],
    ['', 10],
    ['GET /healthz HTTP/1.1\r\nX-Half: ', 10],
    ['GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n', 10],
    ['POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n', 10],
  ] as const) {
    const held: Socket[] = [];
    for (let each = 0; each < 64 * addresses; each++)
      held.push(await hold(admin.url, `127.0.0.${10 + (each % addresses)}`, bytes));
    t.equal(await health(admin.url, '127.0.0.9'), 200, 'from elsewhere');
    t.equal(await health(admin.url, '127.0.0.10'), 200, 'from an address that holds some itself');
    for (const socket of held) socket.destroy();
  }
});
