import { symlinkSync, unlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { until } from '../support/until.ts';

/** The longest that the waits for a new age may take, whatever chance makes of them. */
const age = 60_000;

async function arrangeAged(t: Test, upstream: string, route: Record<string, unknown> = {}) {
  const clock = createWoundClock();
  const routes = [{ path: '/', upstream, allow: 'public', ...route }];
  const limits = { connectionAge: '60s', keepAlive: '1h', answerSilence: '1h' };
  return { clock, ...(await arrangeGateway(t, { config: { routes, limits }, clock })) };
}

/** An application whose connections stay open, and which holds `/slow`. */
async function arrangeKeeping(t: Test) {
  const held: ServerResponse[] = [];
  const upstream = await arrangeUpstream(t, (request, response) => {
    if (request.url !== '/slow') return response.end('ok');
    response.write('begun');
    return held.push(response);
  });
  upstream.server.keepAliveTimeout = 3_600_000;
  let open = 0;
  upstream.server.on('connection', (socket) => {
    open++;
    socket.on('close', () => open--);
  });
  return { ...upstream, held, open: () => open, count: () => upstream.accepted };
}

test('an idle connection is closed at its age, one with a request after it', async (t) => {
  const upstream = await arrangeKeeping(t);
  const { gateway, client, clock } = await arrangeAged(t, upstream.url);
  const slow = client.get(`${gateway.url}/slow`);
  const held = await until('a request that is held', () => upstream.held[0]);
  t.equal((await client.get(`${gateway.url}/x`)).text, 'ok');
  await until('both connections', () => upstream.open() === 2);
  clock.wind(age);
  await until('the idle one to go', () => upstream.open() === 1);
  t.equal((await client.get(`${gateway.url}/x`)).text, 'ok', 'on a new one');
  held.end(' and ended');
  t.equal((await slow).text, 'begun and ended');
  await until('the one of the slow request to go', () => upstream.open() === 1);
});

test('a place that another application takes is found again', async (t) => {
  // A path that is short enough for a socket.
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-age-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'app.sock');
  const start = async (name: string) => {
    const server = createServer((_request, response) => response.end(name));
    server.keepAliveTimeout = 3_600_000;
    await new Promise<void>((resolve) => server.listen(join(folder, name), resolve));
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
  };
  await start('old');
  await start('new');
  symlinkSync('old', path);
  const { gateway, client, clock } = await arrangeAged(t, `unix:${path}`);
  const get = async () => (await client.get(`${gateway.url}/x`)).text;
  t.equal(await get(), 'old');
  unlinkSync(path);
  symlinkSync('new', path);
  t.equal(await get(), 'old', 'by the connection that is there');
  clock.wind(age);
  t.equal(await get(), 'new');
});

test('connections of HTTP/2 have an age as well', async (t) => {
  let accepted = 0;
  const server = createHttp2Server((_request, response) => response.end('ok'));
  server.on('session', () => accepted++);
  const upstream = await listenOnLoopback(server as never);
  t.teardown(() => upstream.close());
  const { gateway, client, clock } = await arrangeAged(t, upstream.url, { http2: true });
  for (const connections of [1, 1, 2]) {
    if (connections === 2) clock.wind(age);
    t.equal((await client.get(`${gateway.url}/x`)).text, 'ok');
    t.equal(accepted, connections);
  }
});

test('a reload begins no new age, and ends it where it is not wanted', async (t) => {
  const upstream = await arrangeKeeping(t);
  const { gateway, client, clock } = await arrangeAged(t, upstream.url);
  const get = () => client.get(`${gateway.url}/x`);
  const adopt = (yaml: string) =>
    gateway.adopt(parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config);
  await get();
  clock.wind(age / 2);
  await adopt(gateway.yaml.replace('allow: public', 'allow: public\n    maxBody: 1MiB'));
  await get();
  t.equal(upstream.count(), 1, 'the connection outlives a plan');
  clock.wind(age / 2);
  await get();
  t.equal(upstream.count(), 2, 'its age does as well');
  await adopt(gateway.yaml.replace('connectionAge: 60s', 'headerTime: 60s'));
  await get();
  clock.wind(age * 3);
  await get();
  t.equal(upstream.count(), 2);
});
