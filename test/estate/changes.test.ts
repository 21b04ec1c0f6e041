import { createServer } from 'node:net';
import { test } from 'tap';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { arrangePeople } from '../refresh/people.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

interface Document {
  provider: Record<string, unknown>;
  session: { redis: Record<string, unknown> };
  [key: string]: unknown;
}

function changed(yaml: string, change: (document: Document) => void) {
  const document = parse(yaml) as Document;
  change(document);
  return parseConfig(stringify(document), { file: 'sallyport.yaml', env: {} }).config;
}

test('other settings of Redis are adopted under load, and one that is not there is refused', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const config = { session: { redis: { url: redis.url } } };
  const { gateway, client, clock } = await arrangePeople(t, { names: ['ada'], config });
  await gateway.log.line(({ msg }) => msg === 'Redis is reachable');
  const statuses: number[] = [];
  let isOver = false;
  const polls = [1, 2, 3].map(async () => {
    while (!isOver) statuses.push((await client('ada').get(`${gateway.url}/x`)).status);
  });
  const withRedis = (settings: Record<string, unknown>) =>
    changed(gateway.yaml, ({ session }) => void Object.assign(session.redis, settings));
  for (let number = 0; number < 10; number++) {
    const asked = statuses.length;
    await gateway.adopt(withRedis({ timeout: `${1000 + number}ms` }));
    await until('requests under this plan', () => statuses.length > asked + 5);
  }
  const refused = t.rejects(gateway.adopt(withRedis({ url: 'redis://127.0.0.1:9' })), {
    message: 'the store of sessions cannot be reached',
  });
  await until('a while to pass', () => {
    clock.wind(1000);
    return gateway.log.lines.some(({ level }) => level === 'warn' || level === 'error');
  });
  for (let second = 0; second < 12; second++) clock.wind(1000);
  await refused;
  const asked = statuses.length;
  await until('requests after it', () => statuses.length > asked + 5);
  isOver = true;
  await Promise.all(polls);
  t.strictSame([...new Set(statuses)], [200]);
});

test('a gateway that stops takes no other plan, and waits for none', async (t) => {
  const silent = await listenOnLoopback(createServer((socket) => socket.on('error', () => {})));
  t.teardown(() => silent.close());
  const gateway = await startTestGateway({ awaitProvider: false, upstream: 'http://127.0.0.1:9' });
  const adopting = gateway.adopt(
    changed(gateway.yaml, ({ provider }) => {
      provider.issuer = silent.url;
      provider.timeout = '60s';
    }),
  );
  const refused = t.rejects(adopting, { message: 'the gateway is stopping' });
  const closing = gateway.close();
  await until('the port to be closed', () =>
    fetch(gateway.url).then(
      () => undefined,
      () => true,
    ),
  );
  await Promise.all([closing, refused]);
  await t.rejects(gateway.adopt(changed(gateway.yaml, () => {})), { message: 'the gateway is stopping' });
});

test('a plan whose address is taken changes nothing', async (t) => {
  const taken = await listenOnLoopback(createServer());
  t.teardown(() => taken.close());
  const clock = createWoundClock();
  const gateway = await startTestGateway({ awaitProvider: false, upstream: 'http://127.0.0.1:9', clock });
  t.teardown(() => gateway.close());
  await t.rejects(
    gateway.adopt(
      changed(gateway.yaml, (document) => void Object.assign(document, { listen: new URL(taken.url).host })),
    ),
    { code: 'EADDRINUSE' },
  );
  t.equal((await fetch(gateway.url, { redirect: 'manual' })).status, 401);
});
