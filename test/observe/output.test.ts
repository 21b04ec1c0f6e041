import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import type { LogLine } from '../support/gateway.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

/** A gateway as a process of its own, in front of the echo. */
async function arrange(t: Test, workers = 1) {
  const upstream = await arrangeUpstream(t);
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const gateway = await spawnGateway({ config: { routes, workers } });
  t.teardown(() => gateway.stop());
  return gateway;
}

/** Every line that was written; throws where one is not whole. */
function linesOf(stdout: readonly string[]): LogLine[] {
  const lines = stdout.join('').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as LogLine);
}

const requestsIn = (lines: readonly LogLine[]) => lines.filter(({ msg }) => msg === 'request');

/** Lines of many lengths, so that what is written together ends anywhere. */
async function send(url: string, times: number): Promise<void> {
  const client = createClient();
  for (let count = 0; count < times; count++) {
    await client.get(`${url}/${count}${'x'.repeat((count * 97) % 900)}`);
  }
  client.close();
}

test('a line appears by itself, though lines are written in groups', async (t) => {
  const gateway = await arrange(t);
  await send(gateway.url, 1);
  await until('the line', () => requestsIn(gateway.log.lines).length === 1);
});

test('a line is JSON, whatever the path has in it', async (t) => {
  const gateway = await arrange(t);
  const client = createClient();
  t.teardown(() => client.close());
  for (const path of ['/a"b', '/{"level":"error"}', '/%22', "/'"]) {
    await client.get(gateway.url + path);
    await until(path, () => requestsIn(gateway.log.lines).some((line) => line['path'] === path));
  }
});

test('no line is lost when the gateway is stopped, and the last one comes last', async (t) => {
  const gateway = await arrange(t);
  await send(gateway.url, 300);
  gateway.process.kill('SIGTERM');
  await gateway.exited;
  const lines = linesOf(gateway.stdout);
  t.same(
    requestsIn(lines).map(({ path }) => Number.parseInt(String(path).slice(1), 10)),
    Array.from({ length: 300 }, (_, count) => count),
    'in the order in which they came',
  );
  t.equal(lines.at(-1)?.msg, 'stopped');
});

test('lines of workers, which write to one pipe, stay whole', async (t) => {
  const gateway = await arrange(t, 3);
  await Promise.all(Array.from({ length: 8 }, () => send(gateway.url, 50)));
  gateway.process.kill('SIGTERM');
  await gateway.exited;
  t.equal(requestsIn(linesOf(gateway.stdout)).length, 400);
});
