import { symlinkSync, unlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';
import { listenOnLoopback } from '../support/listening.ts';
import type { TargetProcess } from '../support/target-process.ts';
import { until } from '../support/until.ts';
import { valuesOf } from '../support/upstream.ts';
import { arrangeTwo } from './two-targets.ts';

const health = { path: '/healthz', interval: '10s', timeout: '60s', healthy: 2, unhealthy: 2 };

/** Lets checks come, one after the other, until something holds. */
const whileChecked = (clock: WoundClock, what: string, holds: () => Promise<boolean> | boolean) =>
  until(what, async () => {
    clock.wind(3000);
    return holds();
  });

const isOut = (msg: string) => msg.startsWith('a target is left out');

test('a target that is not well by its checks is asked no more, until it is', async (t) => {
  for (const mode of ['503', 'reset', 'silent'] as const) {
    const scene = await arrangeTwo(t, { health }, { timeout: { response: '1h' } });
    const { gateway, clock, first, second, ask } = scene;
    t.ok((await ask(4)).includes(first.name), 'at first it counts as well');
    await first.be(mode);
    await whileChecked(clock, 'a failed check', () => gateway.log.lines.some(({ msg }) => isOut(msg)));
    const { target, reason } = await gateway.log.line(({ msg }) => isOut(msg));
    t.same([target, String(reason).startsWith('its check failed: ')], [first.url, true], String(reason));
    const before = (await first.seen()).seen;
    t.same(await ask(8), Array(8).fill(second.name), mode);
    t.equal((await first.seen()).seen, before);
    await first.be('ok');
    await whileChecked(clock, 'good checks', async () => (await ask(4)).includes(first.name));
    t.ok(gateway.log.lines.some(({ msg }) => msg.includes('serves again')));
  }
});

test('a frozen target is left out before a request comes to it', async (t) => {
  const { gateway, clock, first, second, ask } = await arrangeTwo(t, { health });
  first.freeze();
  await whileChecked(clock, 'a failed check', () => gateway.log.lines.some(({ msg }) => isOut(msg)));
  t.same(await ask(6, 'POST'), Array(6).fill(second.name));
});

test('no connection of before is used for a target that was left out by its checks', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-health-'));
  t.teardown(() => rm(folder, { recursive: true }));
  let isFrozen = false;
  const [before, now] = ['before', 'now'].map((name) =>
    createHttpServer((_request, response) => {
      if (name === 'now') response.end(name);
      // Late enough for a connection of each request.
      else if (!isFrozen) setTimeout(() => response.end(name), 100);
    }),
  ) as [Server, Server];
  // A name that leads elsewhere after a while.
  const path = join(folder, 'app.sock');
  for (const [name, server] of Object.entries({ before, now })) {
    server.keepAliveTimeout = 3_600_000;
    server.listen(join(folder, name));
    t.teardown(() => server.closeAllConnections());
    t.teardown(() => server.close());
  }
  symlinkSync(join(folder, 'before'), path);
  const other = await arrangeUpstream(t, (_request, response) => response.end('other'));
  const clock = createWoundClock();
  const targets = [`unix:${path}`, other.url];
  const often = { ...health, interval: '1s', timeout: '1s', unhealthy: 1, healthy: 1 };
  const { gateway, client } = await arrangeGateway(t, {
    clock,
    config: {
      routes: [
        { path: '/', upstream: { targets, health: often }, allow: 'public', timeout: { response: '1s' } },
      ],
    },
  });
  const ask = async (method = 'GET') => (await client.request(`${gateway.url}/x`, { method })).text;
  const several = () => Promise.all(Array.from({ length: 8 }, () => ask()));
  t.ok((await several()).includes('before'), 'some connections are there');
  isFrozen = true;
  unlinkSync(path);
  symlinkSync(join(folder, 'now'), path);
  await whileChecked(clock, 'it out', () => gateway.log.lines.some(({ msg }) => isOut(msg)));
  const answers: string[] = [];
  const askOnce = async () => {
    answers.push(await ask('POST'));
    return answers.at(-1) === 'now';
  };
  await whileChecked(clock, 'it back', askOnce);
  for (let each = 0; each < 10; each++) await askOnce();
  t.same(new Set(answers), new Set(['now', 'other']), 'none waits for the place of before');
});

test('one bad check is none, and the statuses that are good can be said', async (t) => {
  const rare = { ...health, unhealthy: 3, expect: ['2xx', '404'] };
  const { gateway, clock, first, ask } = await arrangeTwo(t, { health: rare });
  await first.be('404');
  const checked = async (times: number) => {
    const { checks } = await first.seen();
    await whileChecked(clock, 'checks', async () => (await first.seen()).checks >= checks + times);
  };
  await checked(5);
  t.notOk(gateway.log.lines.some(({ msg }) => isOut(msg)));
  await first.be('302');
  await checked(1);
  await first.be('ok');
  t.ok((await ask(4)).includes(first.name));
});

test('when no target is well, all are tried', async (t) => {
  const { gateway, clock, first, second, ask } = await arrangeTwo(t, {
    health: { ...health, expect: ['204'] },
  });
  const out = () => gateway.log.lines.filter(({ msg }) => isOut(msg)).length;
  await whileChecked(clock, 'both to be out', () => out() === 2);
  const found = await ask(4);
  t.ok(found.includes(first.name) && found.includes(second.name));
});

test('when no target is well by its checks, one that fails requests too comes last', async (t) => {
  const good = await arrangeUpstream(t, ({ url }, response) => {
    response.writeHead(url === '/healthz' ? 503 : 200).end('good');
  });
  const bad = await arrangeUpstream(t, ({ socket }) => socket.destroy());
  const clock = createWoundClock();
  const upstream = {
    targets: [good.url, bad.url],
    health: { ...health, unhealthy: 1 },
    eject: { failures: 1, for: '1h' },
    retry: { attempts: 0 },
  };
  const { gateway, client } = await arrangeGateway(t, {
    clock,
    config: { routes: [{ path: '/', upstream, allow: 'public' }] },
  });
  const outs = () => gateway.log.lines.filter(({ msg }) => isOut(msg)).length;
  await whileChecked(clock, 'both out', () => outs() === 2);
  const status = async () => (await client.request(`${gateway.url}/x`, { method: 'POST' })).status;
  await until('a failure', async () => (await status()) === 502);
  t.same([await status(), await status(), await status(), await status()], [200, 200, 200, 200]);
});

test('a check that finds a target again ends its time outside', async (t) => {
  const { clock, first, second, ask } = await arrangeTwo(t, { health, eject: { for: '24h' } });
  await first.kill();
  t.same(await ask(4), Array(4).fill(second.name));
  await first.restart();
  await whileChecked(clock, 'requests to it', async () => (await ask(2)).includes(first.name));
});

/** The seconds that pass until five more checks have come. */
async function timeOfFive(clock: WoundClock, target: TargetProcess): Promise<number> {
  const { checks } = await target.seen();
  for (let passed = 1; ; passed++) {
    clock.wind(1000);
    if ((await target.seen()).checks >= checks + 5) return passed;
  }
}

test('a reload starts no second check, forgets nothing of the first, and ends it where it is not wanted', async (t) => {
  const { gateway, clock, first, second, ask } = await arrangeTwo(t, { health });
  await first.be('503');
  await whileChecked(clock, 'a failed check', () => gateway.log.lines.some(({ msg }) => isOut(msg)));
  const adopt = (change: (yaml: string) => string) =>
    gateway.adopt(parseConfig(change(gateway.yaml), { file: 'sallyport.yaml', env: {} }).config);
  for (const size of ['1MiB', '2MiB', '3MiB']) {
    await adopt((yaml) => yaml.replace('allow: public', `allow: public\n    maxBody: ${size}`));
    t.same(await ask(4), Array(4).fill(second.name));
  }
  const seconds = await timeOfFive(clock, first);
  t.ok(seconds >= 36, `five checks in ${seconds} s`);
  await adopt((yaml) => yaml.replace(/ +health:\n( {8}.*\n)+/, ''));
  const { checks } = await first.seen();
  for (let passed = 0; passed < 60; passed++) {
    clock.wind(1000);
    await first.seen();
  }
  t.equal((await first.seen()).checks, checks, 'with the last route that wants it, it ends');
});

test('checks go by the TLS of the route, and ask for its Host', async (t) => {
  const { cert, key, certFile } = await makeCertificate();
  const clock = createWoundClock();
  const hosts: (string | undefined)[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    hosts.push(request.headers.host);
    response.end();
  });
  const upstream = await listenOnLoopback(server, 'https');
  t.teardown(() => upstream.close());
  const plain = await arrangeUpstream(t);
  const named = await arrangeUpstream(t);
  const routes = [
    { path: '/a', upstream: { targets: [upstream.url], health }, tls: { ca: certFile } },
    { path: '/b', upstream: { targets: [plain.url], health } },
    {
      path: '/c',
      upstream: { targets: [named.url], health },
      host: 'app.example.com',
      preserveHost: true,
    },
  ].map((route) => ({ ...route, allow: 'public' }));
  await arrangeGateway(t, { config: { routes }, clock });
  const all = [hosts, plain.requests, named.requests];
  await whileChecked(clock, 'checks', () => all.every(({ length }) => length > 0));
  t.equal(hosts[0], new URL(upstream.url).host);
  const [{ method, url, rawHeaders } = { method: '', url: '', rawHeaders: [] }] = plain.requests;
  t.same([method, url], ['GET', '/healthz']);
  t.same(valuesOf(rawHeaders, 'host'), [new URL(plain.url).host]);
  t.same(valuesOf(rawHeaders, 'cookie'), []);
  t.same(valuesOf(named.requests[0]?.rawHeaders ?? [], 'host'), ['app.example.com']);
});
