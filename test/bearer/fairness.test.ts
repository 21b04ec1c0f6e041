import { test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { createFairShare } from '../../src/identity/bearer/fair-share.ts';
import { sendJson } from '../attack/forged-token.ts';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import type { ProviderHit } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { introspectingEntry, introspectionPath, opaque, startIssuer } from './scene.ts';

/** A gateway behind a proxy that says whose a request is, and an issuer that answers by the kind of the token. */
async function arrange(t: Teardown, answer: (kind: string, hit: ProviderHit) => void | Promise<void>) {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'));
  const scene = await arrangeGateway(t, {
    config: {
      provider: undefined,
      trustedProxies: ['127.0.0.1'],
      bearer: [{ ...introspectingEntry(provider), timeout: '60s' }],
      routes: [{ upstream: upstream.url }],
    },
  });
  let running = 0;
  let most = 0;
  provider.tamper(async (hit) => {
    if (hit.path !== introspectionPath) return hit.pass();
    const kind = (new URLSearchParams(await hit.body()).get('token') ?? '').split('-')[0] ?? '';
    running += 1;
    most = Math.max(most, running);
    await answer(kind, hit);
    running -= 1;
  });
  const ask = async (address: string, token: string) =>
    (
      await scene.client.get(`${scene.gateway.url}/`, {
        authorization: `Bearer ${token}`,
        'x-forwarded-for': address,
      })
    ).status;
  return { ...scene, provider, ask, mostAtOnce: () => most, forget: () => (most = 0) };
}

const good = (hit: ProviderHit) => sendJson(hit, { active: true, sub: 'robot' });

test('a client that floods with unknown tokens makes nobody else wait', { timeout: 60_000 }, async (t) => {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const scene = await arrange(t, async (kind, hit) => {
    if (kind === 'good') return good(hit);
    await gate;
    return sendJson(hit, { active: false });
  });
  const statuses: number[] = [];
  const flood = Array.from({ length: 150 }, async () => {
    statuses.push(await scene.ask('192.0.2.1', opaque('unknown')));
  });
  await until('the flood has all that it gets', () => statuses.length === 50, 20_000);
  t.ok(statuses.every((status) => status === 503));
  for (const address of ['192.0.2.2', '198.51.100.7', '2001:db8::1']) {
    t.equal(await scene.ask(address, opaque('good')), 200, `${address} is served, while the issuer is busy`);
  }
  open();
  await Promise.all(flood);
  scene.forget();
  const more = await Promise.all(Array.from({ length: 40 }, () => scene.ask('192.0.2.1', opaque('unknown'))));
  t.ok(scene.mostAtOnce() <= 2, `${scene.mostAtOnce()} at a time from then on`);
  t.ok(more.every((status) => status === 401 || status === 503));
});

test('what the issuer says of the tokens of one client opens nothing for the others', async (t) => {
  const answers: Record<string, (hit: ProviderHit) => void | Promise<void>> = {
    good,
    bad: (hit) => sendJson(hit, { error: 'invalid_request' }, 400),
    empty: (hit) => hit.send({ status: 400 }),
    failing: (hit) => hit.send({ status: 500 }),
    broken: (hit) => void hit.response.destroy(),
  };
  const scene = await arrange(t, (kind, hit) => answers[kind]?.(hit));
  for (const kind of ['bad', 'empty', 'failing', 'broken']) {
    for (let index = 0; index < 5; index++) t.equal(await scene.ask('192.0.2.1', opaque(kind)), 503, kind);
    t.equal(await scene.ask('192.0.2.2', opaque('good')), 200, `after ${kind}`);
  }
  // One network has as many addresses of IPv6 as it likes.
  const asking = Array.from({ length: 12 }, (_, host) =>
    scene.ask(`2001:db8:1:2::${(host + 1).toString(16)}`, opaque('failing')),
  );
  t.ok((await Promise.all(asking)).every((status) => status === 503));
  const others = ['192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6', '192.0.2.7'];
  const served = await Promise.all(others.map((address) => scene.ask(address, opaque('good'))));
  t.strictSame(
    served,
    others.map(() => 200),
  );
});

test('an issuer that does not take the gateway as its client is the operator’s fault, and said so', async (t) => {
  const scene = await arrange(t, (_kind, hit) => sendJson(hit, { error: 'invalid_client' }, 401));
  t.equal(await scene.ask('192.0.2.1', opaque('any')), 503);
  const line = await scene.gateway.log.line(
    ({ code, lookAt }) => code === 'client_rejected' && lookAt !== undefined,
  );
  t.match(line, { level: 'error', status: 401, lookAt: ['bearer[].clientId', 'bearer[].clientSecret'] });
  t.equal(line.endpoint, scene.provider.issuer + introspectionPath);
});

test('places are shared: one has half, two have a third each, and whoever comes next finds one', (t) => {
  const share = createFairShare(12, systemClock);
  const takeAll = (who: string) => {
    let taken = 0;
    while (share.take(who)) taken += 1;
    return taken;
  };
  t.equal(takeAll('a'), 6);
  t.equal(takeAll('b'), 3);
  t.equal(takeAll('c'), 2);
  t.ok(share.take('d'), 'there is one left');
  t.end();
});

test('a network of IPv6 addresses is one client, and those who cannot be told apart are no suspects', (t) => {
  let now = 0;
  const share = createFairShare(1000, { monotonic: () => now });
  const unknown = (who: string) => share.take(who)?.(true);
  for (let index = 0; index < 60; index++) unknown(`2001:db8:1:2::${index.toString(16)}`);
  for (let index = 0; index < 60; index++) unknown('');
  const places = (who: string) => {
    const taken = Array.from({ length: 10 }, () => share.take(who)).filter((done) => done !== undefined);
    for (const done of taken) done(true);
    return taken.length;
  };
  t.equal(places('2001:db8:1:2:ffff::1'), 2);
  t.equal(places('2001:db8:1:3::1'), 10);
  t.equal(places(''), 10);
  now += 100_000;
  t.equal(places('2001:db8:1:2::1'), 10, 'and it is forgiven');
  t.end();
});
