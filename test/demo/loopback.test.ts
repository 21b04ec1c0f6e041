import { createServer } from 'node:http';
import { test } from 'tap';
import { onFreePort, serve } from '../../src/demo/loopback.ts';

const portOf = (url: string) => Number(new URL(url).port);
const start = (port: number) => serve(createServer(), port);

test('the wanted port is taken when nobody has it', async (t) => {
  const first = await start(0);
  await first.close();
  const second = await onFreePort(portOf(first.url), start);
  t.teardown(second.close);
  t.equal(second.url, first.url);
});

test('another port is taken when somebody has the wanted one, or is faster', async (t) => {
  const taken = await start(0);
  t.teardown(taken.close);
  const tried: number[] = [];
  const served = await onFreePort(portOf(taken.url), (port) => {
    tried.push(port);
    // The second port was free a moment ago, and somebody else takes it.
    return start(tried.length === 2 ? portOf(taken.url) : port);
  });
  t.teardown(served.close);
  t.not(served.url, taken.url);
  t.equal(tried.length, 3);
});

test('a failure that no other port would cure is told at once', async (t) => {
  let attempts = 0;
  const failing = onFreePort(0, async () => {
    attempts += 1;
    throw new Error('no such key');
  });
  await t.rejects(failing, { message: 'no such key' });
  t.equal(attempts, 1);
});

test('closing cuts connections that are still in use', async (t) => {
  const served = await serve(
    createServer((_request, response) => response.write('to be continued')),
    0,
  );
  const answer = await fetch(served.url);
  await served.close();
  await t.rejects(answer.text());
  await t.rejects(fetch(served.url), 'and nobody listens any more');
});
