import { test } from 'tap';
import { sendJson } from '../attack/forged-token.ts';
import { arrangeGateway, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { introspectingEntry, introspectionPath, opaque, startIssuer } from './scene.ts';

/** A gateway behind a proxy that says whose a request is, and an issuer that knows the tokens that begin with `good`. */
async function arrange(t: Teardown, rateLimit: unknown[]) {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, (_request, response) => response.end('x'));
  const clock = createWoundClock();
  const { gateway, client } = await arrangeGateway(t, {
    clock,
    config: {
      provider: undefined,
      trustedProxies: ['127.0.0.1'],
      bearer: [introspectingEntry(provider)],
      routes: [{ upstream: upstream.url }, { path: '/open', upstream: upstream.url, allow: 'public' }],
      rateLimit,
    },
  });
  let asked = 0;
  provider.tamper(async (hit) => {
    if (hit.path !== introspectionPath) return hit.pass();
    asked += 1;
    const token = new URLSearchParams(await hit.body()).get('token') ?? '';
    sendJson(hit, token.startsWith('good') ? { active: true, sub: 'robot' } : { active: false });
  });
  const ask = (address: string, token: string, path = '/') =>
    client.get(gateway.url + path, { authorization: `Bearer ${token}`, 'x-forwarded-for': address });
  return { ask, clock, gateway, asked: () => asked };
}

test('a client whose tokens fail brings no unknown one any more; known ones and others go on', {
  timeout: 60_000,
}, async (t) => {
  const { ask, clock, asked, gateway } = await arrange(t, [
    { match: { endpoint: 'bearer-failures' }, requests: 3, per: '1m' },
  ]);
  const good = opaque('good');
  t.equal((await ask('192.0.2.1', good)).status, 200);
  const bad = opaque('bad');
  for (let each = 0; each < 5; each++)
    t.equal((await ask('192.0.2.1', bad)).status, 401, 'one bad token is one');
  for (let each = 0; each < 2; each++) t.equal((await ask('192.0.2.1', opaque('bad'))).status, 401);
  const before = asked();
  const limited = await ask('192.0.2.1', opaque('good'));
  t.equal(limited.status, 429);
  t.equal(limited.headers['retry-after'], '20');
  t.equal((await ask('192.0.2.1', good)).status, 200, 'known already');
  t.equal((await ask('192.0.2.1', opaque('bad'), '/open')).status, 200, 'a public route needs none');
  t.equal(asked(), before, 'nobody was asked');
  t.equal((await ask('192.0.2.2', opaque('good'))).status, 200, 'somebody else');
  clock.wind(20_000);
  t.equal((await ask('192.0.2.1', opaque('good'))).status, 200);
  await gateway.log.line(({ limit }) => limit === 'rateLimit[0]');
});

test('an issuer is asked so often for one client and no more', { timeout: 60_000 }, async (t) => {
  const { ask, asked } = await arrange(t, [{ match: { endpoint: 'introspection' }, requests: 2, per: '1h' }]);
  const tokens = [opaque('good'), opaque('good'), opaque('good')];
  const statuses: number[] = [];
  for (const token of [...tokens, ...tokens]) statuses.push((await ask('192.0.2.1', token)).status);
  t.same(statuses, [200, 200, 429, 200, 200, 429]);
  t.equal(asked(), 2);
});
