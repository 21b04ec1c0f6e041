import { createServer } from 'node:http';
import fc from 'fast-check';
import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { openEjection } from '../../src/forward/balance/ejection.ts';
import type { Member } from '../../src/forward/balance/member.ts';
import { isLeftOut, openStanding } from '../../src/forward/balance/standing.ts';
import { arrangeGateway } from '../support/arrange.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { openRaw } from '../support/raw.ts';
import type { TargetProcess } from '../support/target-process.ts';
import { arrangeTwo } from './two-targets.ts';

const isServing = (found: readonly (string | number)[], { name }: TargetProcess) => found.includes(name);

test('a target that is killed costs no request that comes later, and serves again when it is back', async (t) => {
  const { gateway, clock, first, second, ask } = await arrangeTwo(t);
  t.ok(isServing(await ask(4), first));
  await first.kill();
  t.same(await ask(6, 'POST'), Array(6).fill(second.name));
  const { target, reason } = await gateway.log.line(({ msg }) => msg.startsWith('a target is left out'));
  t.same([target, String(reason).includes('ECONNREFUSED')], [first.url, true]);
  clock.wind(10_000);
  t.same(await ask(4, 'POST'), Array(4).fill(second.name), 'it is tried again, at nobody’s cost');
  await first.restart();
  clock.wind(10_000);
  t.ok(isServing(await ask(4), first));
  t.equal((await gateway.log.line(({ msg }) => msg.includes('serves again'))).target, first.url);
  const told = gateway.log.lines.filter(({ msg }) => msg.startsWith('a target is left out'));
  t.equal(told.length, 1, 'said once');
});

test('a frozen target is left out once its requests are late', async (t) => {
  const eject = { failures: 2, for: '20s' };
  const { clock, first, second, ask } = await arrangeTwo(t, { eject }, { timeout: { response: '500ms' } });
  await ask(4);
  first.freeze();
  const found = await ask(8);
  t.equal(found.filter((each) => each === 504).length, 2);
  t.same(found.slice(4), Array(4).fill(second.name));
  first.thaw();
  t.notOk(isServing(await ask(4), first));
  clock.wind(20_000);
  t.ok(isServing(await ask(4), first), 'after `for`');
});

test('a target that breaks off, or answers with listed statuses, is left out for longer each time', async (t) => {
  for (const [mode, eject] of [
    ['reset', { failures: 3, for: '1s' }],
    ['503', { failures: 3, for: '1s', statuses: [500, '503'] }],
    ['500', { failures: 3, for: '1s', statuses: ['5xx'] }],
  ] as const) {
    const { clock, first, second, ask } = await arrangeTwo(t, { eject });
    await first.be(mode);
    const failed = async () => (await ask(8, 'POST')).filter((each) => each !== second.name).length;
    t.equal(await failed(), 3, `${mode}: three in a row`);
    t.equal(await failed(), 0, mode);
    for (const seconds of [1, 2, 4]) {
      clock.wind(seconds * 1000 - 500);
      t.equal(await failed(), 0, `${mode}: still out before ${seconds} s`);
      clock.wind(500);
      t.equal(await failed(), 1, `${mode}: one attempt after ${seconds} s`);
    }
    await first.be('ok');
    clock.wind(8000);
    t.ok(isServing(await ask(4), first), mode);
  }
});

test('statuses that are not listed, and what is good in between, leave a target in', async (t) => {
  const { first, ask } = await arrangeTwo(t, { eject: { failures: 2, statuses: [503] } });
  await first.be('500');
  t.equal((await ask(8)).filter((each) => each === 500).length, 4);
  for (const mode of ['503', 'ok', '503', 'ok']) {
    await first.be(mode);
    await ask(2);
  }
  t.ok(isServing(await ask(2), first));
});

test('the last ones are never left out', async (t) => {
  const { first, second, ask } = await arrangeTwo(t, {
    eject: { failures: 1, statuses: [500], max: '100%' },
  });
  await first.be('500');
  await second.be('500');
  t.same(await ask(8), Array(8).fill(500));
  await second.be('ok');
  await first.be('ok');
  const found = await ask(8);
  t.same(new Set(found).size, 1, 'one is left out, and the other serves');
});

test('a client that is slow to send cannot have a target left out', async (t) => {
  const { gateway, first, second, ask } = await arrangeTwo(
    t,
    { eject: { failures: 1 } },
    { timeout: { response: '500ms' } },
  );
  for (let each = 0; each < 4; each++) {
    const slow = await openRaw(gateway.url);
    slow.write(`POST /x HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\nContent-Length: 9\r\n\r\nhalf`);
    await slow.until(/HTTP\/1\.1 \d/).catch(() => '');
    slow.destroy();
  }
  const found = await ask(4);
  t.ok(isServing(found, first) && isServing(found, second));
});

test('a client whose WebSockets nobody answers cannot have a target left out', async (t) => {
  const servers = await Promise.all(['first', 'second'].map((name) => startSocketless(t, name)));
  const routes = [
    {
      path: '/',
      allow: 'public',
      upstream: { targets: servers.map(({ url }) => url), eject: { failures: 1 } },
      timeout: { response: '300ms' },
    },
  ];
  const { gateway, client } = await arrangeGateway(t, { config: { routes } });
  const host = new URL(gateway.url).host;
  for (const path of ['/closed', '/silent', '/closed', '/closed']) {
    const handshake = await openRaw(gateway.url);
    handshake.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await handshake.until(/HTTP\/1\.1 50[24]/);
    handshake.destroy();
  }
  const found: string[] = [];
  for (let each = 0; each < 4; each++) found.push((await client.request(`${gateway.url}/x`)).text);
  t.same(new Set(found), new Set(['first', 'second']));
});

/** An application that has no WebSocket at a path, and says so by nothing, as many do. */
async function startSocketless(t: Test, name: string) {
  const server = createServer((_request, response) => response.end(name));
  server.on('upgrade', ({ url }, socket) => {
    if (url === '/closed') socket.destroy();
  });
  const listening = await listenOnLoopback(server);
  t.teardown(() => listening.close());
  return listening;
}

test('a reload keeps who is left out, unless it says otherwise of that', async (t) => {
  const { gateway, first, ask } = await arrangeTwo(t, { eject: { failures: 1, statuses: [500], for: '1h' } });
  await first.be('500');
  await ask(4);
  await first.be('ok');
  const adopt = async (from: string, to: string) => {
    const yaml = gateway.yaml.replace(from, to);
    await gateway.adopt(parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config);
  };
  await adopt('allow: public', 'allow: public\n    maxBody: 1MiB');
  t.notOk(isServing(await ask(4), first));
  await adopt('for: 1h', 'for: 2h');
  t.ok(isServing(await ask(4), first));
});

test('whatever happens to targets, never more than `max` are out for failures, and not all', async () => {
  const share = fc.constantFrom(0, 0.1, 0.34, 0.5, 0.75, 1);
  const happening = fc.record({ at: fc.nat(4), failed: fc.boolean(), passed: fc.nat(3000) });
  fc.assert(
    fc.property(share, fc.integer({ min: 2, max: 5 }), fc.array(happening), (max, size, happenings) => {
      let now = 0;
      const members = Array.from({ length: size }, () => ({ standing: openStanding() }) as Member);
      const needs = { clock: { monotonic: () => now }, onOut: () => {}, onBack: () => {} };
      const ejection = openEjection(members, { failures: 2, statuses: [], for: 1000, max }, needs);
      return happenings.every(({ at, failed, passed }) => {
        const member = members[at % size] as Member;
        if (failed) ejection.failed(member, new Error('late'));
        else ejection.answered(member, 200);
        const out = members.filter(({ standing }) => isLeftOut(standing, () => now)).length;
        now += passed;
        return out <= Math.min(size - 1, Math.ceil(size * max));
      });
    }),
  );
});
