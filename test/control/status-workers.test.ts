import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { type SpawnedGateway, spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

const token = 'a-token-of-the-admin';

/** The numbers of its workers. */
const workersOf = ({ pid }: SpawnedGateway): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

const countOf = ({ log }: SpawnedGateway, message: RegExp): number =>
  log.lines.filter(({ msg }) => message.test(String(msg))).length;

test('all workers are one page, and nothing of it is lost by a reload or with a worker', async (t) => {
  const { url: upstream } = await arrangeUpstream(t);
  const listen = `127.0.0.1:${await freePort()}`;
  const gateway = await spawnGateway({
    awaitProvider: false,
    config: {
      workers: 2,
      admin: { listen, token },
      routes: [{ path: '/shut', upstream, allow: [{ groups: 'nobody' }] }],
    },
  });
  t.teardown(() => gateway.stop());
  const operator = createClient();
  t.teardown(() => operator.close());
  const page = async () => {
    const { text } = await operator.get(`http://${listen}/`, { authorization: `Bearer ${token}` });
    return text;
  };
  const shows = (words: string) => until(words, async () => (await page()).includes(words));
  /** Each by a connection of its own, so that both workers have some of them. */
  const refuse = async (count: number) => {
    for (let at = 0; at < count; at++) {
      const client = createClient();
      const { status } = await client.get(`${gateway.url}/shut/${at}`);
      client.close();
      if (status !== 401) throw new Error(`${status}`);
    }
  };
  await until('both workers', () => countOf(gateway, /^listening$/) === 2);
  await refuse(40);
  await shows('40 times');
  await shows('2 of 2');
  t.match(await page(), '/shut/39');

  const hash = /<dt>Configuration<\/dt><dd>.*?<\/dd>/.exec(await page())?.[0];
  const text = readFileSync(gateway.file, 'utf8');
  writeFileSync(gateway.file, text.replace('nobody', 'somebody'));
  gateway.process.kill('SIGHUP');
  await gateway.log.line(({ msg }) => msg === 'reloaded');
  await refuse(2);
  await shows('42 times');
  t.not(/<dt>Configuration<\/dt><dd>.*?<\/dd>/.exec(await page())?.[0], hash, 'another configuration');

  const [leaving, killed] = workersOf(gateway) as [number, number];
  process.kill(leaving, 'SIGTERM');
  await until('its successor', () => countOf(gateway, /^listening$/) === 3);
  await until('its end', () => !workersOf(gateway).includes(leaving), 60_000);
  await shows('42 times');
  process.kill(killed, 'SIGKILL');
  await until('the next one', () => countOf(gateway, /^listening$/) === 4, 60_000);
  await shows('2 of 2');
  t.match(await page(), '42 times', 'what a worker had said before it was killed');
});
