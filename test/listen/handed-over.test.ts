import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { childrenOf } from '../support/children.ts';
import { createClient } from '../support/client.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

const patience = 30_000;

async function arrange(t: Test) {
  const upstream = await arrangeUpstream(t, (_request, response) => void response.end('here'));
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const gateway = await spawnGateway({ config: { routes, workers: 2 }, ownGroup: true });
  t.teardown(() => gateway.stop());
  const listening = () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length;
  await until('all workers', () => listening() === 2, patience);
  /** Over a connection of its own. */
  const ask = async () => {
    const client = createClient();
    try {
      return (await client.get(`${gateway.url}/x`, { connection: 'close' })).text;
    } finally {
      client.close();
    }
  };
  return { gateway, listening, ask };
}

test('a connection that was handed to a worker which is killed before it took it is answered by another', async (t) => {
  const { gateway, ask } = await arrange(t);
  const [stuck = 0] = childrenOf(gateway.pid);
  process.kill(stuck, 'SIGSTOP');
  let answered = 0;
  const asked = Array.from({ length: 8 }, () => ask().finally(() => answered++));
  await until('the answers of the other worker', () => answered === 7, patience);
  process.kill(stuck, 'SIGKILL');
  t.same(new Set(await Promise.all(asked)), new Set(['here']));
});

test('workers are asked to stop one after the other, and no connection is lost', async (t) => {
  const { gateway, listening, ask } = await arrange(t);
  let running = true;
  const answers: Promise<string>[] = [];
  const load = (async () => {
    while (running) {
      const some = Array.from({ length: 4 }, () => ask().catch((error: Error) => error.message));
      answers.push(...some);
      await Promise.all(some);
    }
  })();
  for (const [index, pid] of childrenOf(gateway.pid).entries()) {
    process.kill(pid, 'SIGTERM');
    await until('another in its place', () => listening() === 3 + index, patience);
    await until('its end', () => !childrenOf(gateway.pid).includes(pid), patience);
  }
  running = false;
  await load;
  t.same(new Set(await Promise.all(answers)), new Set(['here']), `${answers.length} answers`);
});
