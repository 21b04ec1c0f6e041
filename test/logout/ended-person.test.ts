import { test } from 'tap';
import { parse } from 'yaml';
import { instancesOn } from '../session/people-redis.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { arrangeLive, echoes, openSocket, openStream, startLiveApplication, within } from './live.ts';
import { refused, signIn } from './scene.ts';

for (const store of ['cookie', 'redis'] as const) {
  test(`${store}: what a person has open ends at every instance when those who run the gateway end it`, async (t) => {
    const redis = await startRedis();
    t.teardown(() => redis.stop());
    // A busy machine is no outage.
    const timeout = '10s';
    const session =
      store === 'redis' ? { store: redis.url, redis: { timeout } } : { redis: { url: redis.url, timeout } };
    const application = await startLiveApplication(t);
    const { gateway, ada } = await arrangeLive(t, application, { session });
    const grace = await signIn(t, gateway.url, 'grace');
    const [adasSocket, gracesSocket] = [
      await openSocket(t, gateway.url, ada),
      await openSocket(t, gateway.url, grace),
    ];
    const [adasStream, gracesStream] = [
      await openStream(t, gateway.url, ada),
      await openStream(t, gateway.url, grace),
    ];
    const { secret } = (parse(gateway.yaml) as { session: { secret: string } }).session;
    const { people } = await instancesOn(t, session).join({ secret });
    const listed = await people.list('ada');
    t.equal(listed.length, store === 'redis' ? 1 : 0);
    const email = listed[0]?.email ?? 'ada@example.com';
    t.equal(await people.endAll(email.toUpperCase()), store === 'redis' ? 1 : undefined);
    t.match(await within(adasSocket.closed), { code: 4401, reason: /session/ });
    t.equal(await within(adasStream.ended), true, 'the stream ends in order');
    t.ok(await echoes(gracesSocket), 'a socket of somebody else goes on');
    application.streams[1]?.write('data: second\n\n');
    await until('the second event', () => gracesStream.text().includes('second'));
    await refused(gateway.url, ada.copiedCookie());
    const { status } = await grace.client.get(`${gateway.url}/`);
    t.equal(status, 200);
  });
}
