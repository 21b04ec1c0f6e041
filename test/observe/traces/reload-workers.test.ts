import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { arrangeUpstream } from '../../support/arrange.ts';
import { arrangeCollector } from '../../support/collector.ts';
import { spanKinds } from '../../support/spans.ts';
import { spawnGateway } from '../../support/spawned-gateway.ts';

test('a reload turns tracing on in each worker, and off again', async (t) => {
  const collector = await arrangeCollector(t);
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({
    config: { workers: 2, routes: [{ path: '/', upstream: upstream.url, allow: 'public' }] },
    env: { OTEL_BSP_SCHEDULE_DELAY: '20' },
  });
  t.teardown(() => gateway.stop());
  const off = readFileSync(gateway.file, 'utf8');
  let reloads = 0;
  const goOnWith = async (text: string) => {
    writeFileSync(gateway.file, text);
    process.kill(gateway.pid, 'SIGHUP');
    reloads += 1;
    await gateway.log.line(
      () => gateway.log.lines.filter(({ msg }) => msg === 'reloaded').length === reloads,
    );
  };
  /** On a connection of its own each, so that more than one worker is asked. */
  const ask = async (path: string) => {
    for (let count = 0; count < 8; count++)
      await (await fetch(gateway.url + path, { headers: { connection: 'close' } })).text();
  };
  await ask('/before');
  await goOnWith(`${off}\ntracing: { endpoint: "${collector.url}" }\n`);
  await ask('/on');
  await collector.span(({ attributes }) => attributes['url.path'] === '/on');
  await goOnWith(off);
  await ask('/after');
  await gateway.stop();
  const roots = collector.spans.filter(({ kind }) => kind === spanKinds.server);
  t.equal(roots.length, 8, 'none is lost');
  t.ok(roots.every(({ attributes }) => attributes['url.path'] === '/on'));
});
