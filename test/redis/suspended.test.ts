// alone: it stops a process
import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { startRedis } from '../support/redis.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { arrangeNear } from './near-instances.ts';

const connections = 8;

/** Answers over kept-alive connections, one request on each at a time. */
function createAsker(t: Test, url: string, cookie: string) {
  const agents = Array.from({ length: connections }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  t.teardown(() => {
    for (const agent of agents) agent.destroy();
  });
  const ask = (agent: Agent) =>
    new Promise<number>((resolve, reject) => {
      const sent = request(`${url}/x`, { agent, headers: { cookie, accept: 'text/plain' } });
      sent.on('error', reject);
      sent.on('response', (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      });
      sent.end();
    });
  return () => Promise.all(agents.map(ask));
}

for (const store of ['redis', 'cookie'] as const) {
  test(`a process that was stopped while somebody signed out elsewhere hears of it before it answers: ${store}`, async (t) => {
    const redis = await startRedis();
    t.teardown(() => redis.stop());
    const provider = await startProvider();
    t.teardown(() => provider.stop());
    const upstream = await arrangeUpstream(t);
    const secret = randomBytes(32).toString('base64');
    const session = store === 'redis' ? { secret, store: redis.url } : { secret, redis: { url: redis.url } };
    const start = async () => {
      const gateway = await spawnGateway({ provider, upstream, config: { session } });
      t.teardown(() => {
        gateway.process.kill('SIGCONT');
        return gateway.stop();
      });
      return gateway;
    };
    const [first, second] = [await start(), await start()];
    for (let round = 0; round < 3; round++) {
      const client = createClient();
      t.teardown(() => client.close());
      await logIn(client, first.url, 'ada');
      const askAll = createAsker(t, second.url, client.cookies.headerFor(`${first.url}/`) ?? '');
      await until('the session', async () => (await askAll()).every((status) => status === 200));
      second.process.kill('SIGSTOP');
      // These have connections that the process finds together with what it is told.
      const asked = askAll();
      // A stop of less than 100 ms is none: so long a sign-out may take.
      await wait(200);
      await client.navigate(`${first.url}/oauth2/sign_out`);
      second.process.kill('SIGCONT');
      t.same(
        (await asked).filter((status) => status !== 401),
        [],
        `round ${round}`,
      );
    }
  });
}

test('a machine that slept trusts nothing from before, though its clock for waits stood still', async (t) => {
  const scene = await arrangeNear(t);
  const clock = createWoundClock();
  let slept = 0;
  const sleeper = { ...clock, now: () => clock.now() + slept };
  const at = await scene.join({ clock: sleeper });
  const { header } = await scene.signIn(at);
  await at.knows(header);
  slept = 10_000;
  t.equal(at.atOnce(header), undefined, 'Redis is asked');
  await at.knows(header);
});
