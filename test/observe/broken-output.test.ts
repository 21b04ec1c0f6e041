import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { createBackgroundWriter } from '../../src/observe/background-writer.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

/** More than a pipe holds, so that the log of these requests has to wait. */
const manyRequests = 400;

async function arrange(t: Test, output: string, format: 'json' | 'pretty', workers = 1) {
  const upstream = await arrangeUpstream(t);
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const gateway = await spawnGateway({ config: { routes, workers, logging: { format } }, output });
  t.teardown(() => gateway.stop());
  return gateway;
}

async function sendMany(url: string): Promise<number> {
  const client = createClient();
  let answered = 0;
  for (let count = 0; count < manyRequests; count++) {
    const { status } = await client.get(`${url}/${'x'.repeat(300)}${count}`);
    if (status === 200) answered += 1;
  }
  client.close();
  return answered;
}

/** A named pipe that is open for reading, and that nobody reads until the test does. */
function namedPipe(t: Test): { path: string; fd: number } {
  const path = join(t.testdir(), 'log');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { path, fd };
}

/** All that is in a pipe now. */
function drain(fd: number): string {
  const buffer = Buffer.alloc(1024 * 1024);
  let text = '';
  for (;;) {
    try {
      const bytes = readSync(fd, buffer);
      if (bytes === 0) return text;
      text += buffer.toString('utf8', 0, bytes);
    } catch {
      return text;
    }
  }
}

for (const format of ['json', 'pretty'] as const) {
  test(`a full disk stops neither requests nor the end of the process: ${format}`, async (t) => {
    const gateway = await arrange(t, '/dev/full', format);
    t.equal(await sendMany(gateway.url), manyRequests);
    gateway.process.kill('SIGTERM');
    t.same(await gateway.exited, { code: 0, signal: null });
  });

  for (const workers of [1, 2]) {
    test(`a reader that does not read stops nothing: ${format}, workers ${workers}`, async (t) => {
      const { path, fd } = namedPipe(t);
      t.teardown(() => closeSync(fd));
      const gateway = await arrange(t, path, format, workers);
      t.equal(await sendMany(gateway.url), manyRequests);
      const asked = performance.now();
      gateway.process.kill('SIGTERM');
      t.same(await gateway.exited, { code: 0, signal: null });
      t.ok(performance.now() - asked < 5000, 'it waits a moment for the reader, and no longer');
    });
  }

  test(`a reader that has gone ends nothing: ${format}`, async (t) => {
    const { path, fd } = namedPipe(t);
    const gateway = await arrange(t, path, format);
    closeSync(fd);
    t.equal(await sendMany(gateway.url), manyRequests);
    const back = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    t.teardown(() => closeSync(back));
    let seen = '';
    await until('what was logged meanwhile', () => {
      seen += drain(back);
      return seen.includes(`x${manyRequests - 1}`);
    });
    gateway.process.kill('SIGTERM');
    t.same(await gateway.exited, { code: 0, signal: null });
  });
}

test('what does not fit is dropped by whole lines, and their number is told when it can be', async (t) => {
  const { path, fd } = namedPipe(t);
  const writing = openSync(path, constants.O_WRONLY);
  t.teardown(() => {
    closeSync(fd);
    closeSync(writing);
  });
  const told: [number, string][] = [];
  const writer = createBackgroundWriter(writing, {
    clock: systemClock,
    largestWrite: 4096,
    mostWaiting: 100_000,
    onDropped: (lines, reason) => told.push([lines, reason]),
  });
  const line = (number: number) => `${String(number).padStart(999, '.')}\n`;
  const sent = 1000;
  for (let number = 0; number < sent; number++) writer.write(line(number));
  t.same(told, [], 'nothing is told while nothing can be written');
  let text = '';
  await until('the rest', () => {
    text += drain(fd);
    return told.length > 0;
  });
  const flushed = new Promise<void>((resolve) => writer.flush(resolve));
  await until('the end', () => {
    text += drain(fd);
    return text.split('\n').length - 1 + (told[0]?.[0] ?? 0) === sent;
  });
  await flushed;
  const lines = text.trimEnd().split('\n');
  t.ok(
    lines.every((got, at) => `${got}\n` === line(at)),
    'the first ones are there, whole and in order',
  );
  t.same(told, [[sent - lines.length, 'they were not read fast enough']]);
});

/** A descriptor that nothing will ever have: one that was closed is soon that of somebody's connection. */
const descriptorOfNobody = 2 ** 24;

test('a descriptor that was closed loses lines and nothing else', async (t) => {
  const writer = createBackgroundWriter(descriptorOfNobody, {
    clock: createWoundClock(),
    largestWrite: 4096,
    mostWaiting: 10_000,
    onDropped: () => t.fail('it cannot write'),
  });
  for (let count = 0; count < 100; count++) writer.write(`${'x'.repeat(999)}\n`);
  await until('a try', () => writer.trouble() === 'EBADF');
  writer.writeNow();
  t.equal(writer.trouble(), 'EBADF');
});
