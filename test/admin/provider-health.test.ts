import { type Test, test } from 'tap';
import { arrangePeople, json, plain } from '../refresh/people.ts';
import { createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';

async function arrange(t: Test) {
  const admin = { listen: `127.0.0.1:${await freePort()}` };
  const people = await arrangePeople(t, { config: { admin } });
  const { gateway } = people;
  const operator = createClient();
  t.teardown(() => operator.close());
  return {
    ...people,
    ask: (name: string) => people.client(name).get(`${gateway.url}/x`),
    async ready() {
      const { status, json: body } = await operator.get(`${gateway.adminUrl}/readyz`);
      const { degraded } = body() as { degraded: { reason: string; name: string }[] };
      return [status, ...degraded.map(({ reason, name }) => `${reason} ${name}`)].join(' ');
    },
  };
}

test('a provider that fails for several is degraded, and one person is no provider', async (t) => {
  const { on, expire, ask, ready, clock } = await arrange(t);
  on('ada', plain(500));
  expire();
  for (let time = 0; time < 5; time++) {
    t.equal((await ask('ada')).status, 503);
    clock.wind(1000);
  }
  t.equal(await ready(), '200', 'what one person meets is no news of the provider');

  on('grace', plain(500));
  await ask('grace');
  t.equal(await ready(), '200 provider_failing default');
  on('ada', undefined);
  on('grace', undefined);
  clock.wind(30_000);
  t.equal((await ask('grace')).status, 200);
  t.equal(await ready(), '200');
});

test('a front whose provider is out is a provider that is out, and nobody who asks later is told of old trouble', async (t) => {
  const { on, expire, ask, ready, clock } = await arrange(t);
  on('*', plain(503));
  on('/.well-known/openid-configuration', plain(503));
  expire();
  await ask('ada');
  t.equal(await ready(), '200 provider_unreachable default');
  on('*', undefined);
  on('/.well-known/openid-configuration', undefined);
  clock.wind(60_000);
  t.equal(await ready(), '200');
});

test('a client is rejected until it is accepted', async (t) => {
  const { on, expire, ask, ready, clock } = await arrange(t);
  on('*', json(401, { error: 'invalid_client' }));
  expire();
  await ask('ada');
  t.equal(await ready(), '200 client_rejected default');
  clock.wind(60_000);
  t.equal(await ready(), '200 client_rejected default', 'it does not pass by itself');
  on('*', undefined);
  t.equal((await ask('grace')).status, 200);
  t.equal(await ready(), '200');
});
