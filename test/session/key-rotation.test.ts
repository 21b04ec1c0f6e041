import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { startGateway } from '../../src/gateway.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { unobserved } from '../support/observe.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';

const fresh = () => randomBytes(32).toString('base64');

test('keys are rotated under load with no failed request, and sessions move to the new key', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const [first, second] = [fresh(), fresh()];
  const before = await startTestGateway({ provider, upstream, config: { session: { secret: first } } });
  t.teardown(() => before.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, before.url, 'ada');

  /** Another instance of the same gateway, as a rolling restart brings it up, with the same address for browsers. */
  const startWith = async (secret: string | string[]) => {
    const file = parse(before.yaml) as Record<string, unknown>;
    const text = stringify({ ...file, listen: '127.0.0.1:0', session: { secret } });
    await writeFile(join(t.testdir(), 'sallyport.yaml'), text);
    const { config } = parseConfig(text, { file: 'sallyport.yaml', env: {} });
    const gateway = await startGateway(config, { observe: unobserved });
    t.teardown(() => gateway.close());
    return gateway.url;
  };
  const { host } = new URL(before.url);
  let target = before.url;
  const statuses: number[] = [];
  let running = true;
  const load = (async () => {
    while (running) {
      const cookie = client.cookies.headerFor(before.url) ?? '';
      const answer = await client.request(`${target}/load`, { headers: ['Host', host, 'Cookie', cookie] });
      client.cookies.take(before.url, answer.setCookies);
      statuses.push(answer.status);
    }
  })();

  const afterMore = async (requests: number) => {
    const enough = statuses.length + requests;
    await until('more requests', () => statuses.length >= enough, 20_000);
  };
  await afterMore(20);
  target = await startWith([second, first]);
  await afterMore(20);
  target = await startWith([second]);
  await afterMore(20);
  running = false;
  await load;
  t.strictSame([...new Set(statuses)], [200], 'all were answered');
});
