import { createServer } from 'node:http';
import { type Test, test } from 'tap';
import type { Clock } from '../../src/clock.ts';
import { handshake } from '../attack/handshake.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { freePort } from '../support/free-port.ts';
import { openRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** A gateway in front of an application that answers when it is told to, in the order of their coming. */
async function arrange(t: Test, limits: Record<string, unknown>) {
  const clock = createWoundClock();
  const held: { path: string; release: () => void }[] = [];
  let most = 0;
  const upstream = await arrangeUpstream(t, (request, response) => {
    held.push({ path: request.url ?? '', release: () => response.end('x') });
    most = Math.max(most, held.length);
    response.on('close', () => {
      const at = held.findIndex(({ path }) => path === request.url);
      if (at >= 0) held.splice(at, 1);
    });
  });
  upstream.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.pipe(socket);
  });
  const { gateway, client } = await arrangeGateway(t, {
    clock,
    awaitProvider: false,
    config: { routes: [{ path: '/', upstream: upstream.url, allow: 'public' }], limits },
  });
  const status = async (path: string, body?: string) => {
    const method = body === undefined ? 'GET' : 'POST';
    const { status: code, headers } = await client.request(gateway.url + path, {
      method,
      ...(body && { body }),
    });
    return headers['x-sallyport-error'] ?? code;
  };
  const paths = () => held.map(({ path }) => path);
  const isAt = (...wanted: string[]) =>
    until(`${wanted} at the application`, () => `${paths()}` === `${wanted}`);
  const releaseAll = async (done: Promise<unknown>) => {
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    await until('all answers', () => {
      for (const { release } of [...held]) release();
      return isDone;
    });
  };
  const waits = (count: number) => until(`${count} to wait`, () => clock.waiting(queueMs) === count);
  return { gateway, clock, status, held, isAt, paths, waits, releaseAll, most: () => most };
}

/** `queue.timeout` of these tests, which nothing else of the gateway waits for. */
const queueMs = 59_000;

test('a target has so many requests at once; the rest wait in turn, and too many get 503', async (t) => {
  const { status, held, isAt, releaseAll, most, gateway, clock } = await arrange(t, {
    upstreamConnections: 2,
    queue: { size: 3, timeout: '59s' },
  });
  const all: Promise<unknown>[] = [];
  for (const path of ['/1', '/2', '/3', '/4', '/5']) {
    all.push(status(path, path === '/4' ? 'a body' : undefined));
    await until(path, () => held.length + clock.waiting(queueMs) === all.length);
  }
  await isAt('/1', '/2');
  t.equal(await status('/6'), 'upstream_busy');
  held[0]?.release();
  await isAt('/2', '/3');
  held[0]?.release();
  await isAt('/3', '/4');
  const more = status('/7');
  await releaseAll(Promise.all([...all, more]));
  t.same(await Promise.all([...all, more]), [200, 200, 200, 200, 200, 200]);
  t.equal(most(), 2);
  await gateway.log.line(({ limit }) => limit === 'limits.upstreamConnections');
});

test('who waits for too long gets 503, and who leaves makes room at once', async (t) => {
  const { status, isAt, clock, gateway, held, releaseAll, paths, waits } = await arrange(t, {
    upstreamConnections: 1,
    queue: { size: 1, timeout: '59s' },
  });
  const first = status('/1');
  await isAt('/1');
  const late = status('/2');
  await waits(1);
  clock.wind(queueMs);
  t.equal(await late, 'upstream_busy');
  const raw = await openRaw(gateway.url);
  raw.write(`GET /left HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
  await waits(1);
  t.equal(await status('/3'), 'upstream_busy', 'the queue is full');
  raw.destroy();
  await waits(0);
  const fourth = status('/4');
  await waits(1);
  held[0]?.release();
  await isAt('/4');
  t.notOk(paths().includes('/left'));
  await releaseAll(Promise.all([first, fourth]));
  t.same(await Promise.all([first, fourth]), [200, 200]);
});

test('a client that leaves in the middle, and an upstream that breaks, give their turns back', async (t) => {
  const { status, isAt, gateway, releaseAll } = await arrange(t, {
    upstreamConnections: 1,
    queue: { size: 5, timeout: '59s' },
  });
  for (let each = 0; each < 5; each++) {
    const raw = await openRaw(gateway.url);
    raw.write(`GET /left HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n\r\n`);
    await isAt('/left');
    raw.destroy();
    await isAt();
  }
  const next = status('/next');
  await releaseAll(next);
  t.equal(await next, 200);
});

test('an open WebSocket has a turn until it ends', async (t) => {
  const {
    status,
    gateway,
    isAt,
    releaseAll,
    waits: waitFor,
  } = await arrange(t, {
    upstreamConnections: 1,
    queue: { size: 2, timeout: '59s' },
  });
  const { host } = new URL(gateway.url);
  const socket = await openRaw(gateway.url);
  socket.write(handshake(host));
  await socket.until('101 Switching');
  const waits = status('/1');
  await waitFor(1);
  const second = await openRaw(gateway.url);
  second.write(handshake(host));
  await waitFor(2);
  t.equal(await status('/2'), 'upstream_busy');
  socket.destroy();
  await isAt('/1');
  await releaseAll(waits);
  t.equal(await waits, 200);
  await second.until('101 Switching');
  second.write('still a tunnel');
  await second.until('still a tunnel');
  second.destroy();
});

test('a request that is sent again gives its turn back, and takes one at the next target', async (t) => {
  let most = 0;
  let now = 0;
  const bad = await arrangeUpstream(t, (_request, response) => {
    now += 1;
    most = Math.max(most, now);
    response.on('close', () => {
      now -= 1;
    });
    response.writeHead(503).end('x');
  });
  const good = await arrangeUpstream(t, (_request, response) => response.end('x'));
  const retry = { on: ['connect', 503] };
  const upstream = { targets: [bad.url, good.url, 'http://127.0.0.1:9'], eject: { failures: 1000 }, retry };
  const { gateway, client } = await arrangeGateway(t, {
    awaitProvider: false,
    config: {
      routes: [{ path: '/', upstream, allow: 'public' }],
      limits: { upstreamConnections: 1, queue: { size: 50, timeout: '5s' } },
    },
  });
  for (let round = 0; round < 2; round++) {
    const asked = Array.from({ length: 20 }, () => client.get(`${gateway.url}/`));
    const answers = await Promise.all(asked);
    const errors = answers.map(({ headers }) => headers['x-sallyport-error']);
    t.same(errors, Array(20).fill(undefined), 'nobody waits for a turn that was not given back');
    t.ok(answers.filter(({ status }) => status === 200).length >= 10);
  }
  t.equal(most, 1);
  t.ok(bad.requests.length > 0);
});

test('a request that goes to the same target again does not wait behind itself', async (t) => {
  const upstream = await arrangeUpstream(t, (request) => request.socket.destroy());
  const { gateway, client } = await arrangeGateway(t, {
    awaitProvider: false,
    config: {
      routes: [{ path: '/', upstream: { targets: [upstream.url], retry: { attempts: 3 } }, allow: 'public' }],
      limits: { upstreamConnections: 1, queue: { size: 1, timeout: '59s' } },
    },
  });
  t.equal((await client.get(`${gateway.url}/`)).headers['x-sallyport-error'], 'upstream_unreachable');
  t.equal(upstream.requests.length, 4);
});

/** Two applications, of which the first answers when it is told to. */
async function arrangeSlowAndQuick(
  t: Test,
  upstream: Record<string, unknown>,
  queue: Record<string, unknown>,
) {
  const held: (() => void)[] = [];
  const slow = await arrangeUpstream(t, (_request, response) => {
    held.push(() => response.end('slow'));
    response.on('close', () => held.shift());
  });
  let isQuick = true;
  const quickHeld: (() => void)[] = [];
  const quick = await arrangeUpstream(t, (_request, response) => {
    const end = () => response.end('quick');
    if (isQuick) end();
    else quickHeld.push(end);
  });
  for (const [name, { server }] of Object.entries({ slow, quick }))
    server.on('upgrade', (_request, socket) => {
      socket.on('error', () => socket.destroy());
      const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
      socket.write(`${head}X-Target: ${name}\r\n\r\n`);
    });
  const clock = createWoundClock();
  const { gateway, client } = await arrangeGateway(t, {
    clock,
    awaitProvider: false,
    config: {
      routes: [{ path: '/', upstream: { targets: [slow.url, quick.url], ...upstream }, allow: 'public' }],
      limits: { upstreamConnections: 1, queue },
    },
  });
  const ask = async (headers: Record<string, string> = {}) => {
    const { status, text } = await client.get(`${gateway.url}/`, headers);
    return status === 200 ? text : status;
  };
  const release = async () => {
    isQuick = true;
    for (const end of quickHeld.splice(0)) end();
    for (const end of [...held]) end();
  };
  return {
    gateway,
    client,
    clock,
    ask,
    held,
    slow,
    quick,
    waits: (count: number) => until(`${count} to wait`, () => clock.waiting(queueMs) === count),
    release,
    holdQuick() {
      isQuick = false;
      return quickHeld;
    },
  };
}

for (const balance of ['round-robin', 'least-connections', 'random-two']) {
  test(`${balance}: who would wait or be refused at one target goes to another that is free`, async (t) => {
    const { ask, held, release, gateway, waits } = await arrangeSlowAndQuick(
      t,
      { balance },
      { size: 1, timeout: '59s' },
    );
    const first = [ask(), ask()];
    while (held.length === 0) {
      // Those at the quick one are answered.
      const slow = until('one at the slow target', () => held.length === 1);
      await Promise.race([slow, Promise.all(first)]);
      if (held.length === 0) first.push(ask());
      slow.catch(() => {});
    }
    for (let each = 0; each < 12; each++) t.equal(await ask(), 'quick');
    const socket = await openRaw(gateway.url);
    socket.write(handshake(new URL(gateway.url).host));
    await socket.until('X-Target: quick');
    const waiting = [ask(), ask()];
    await waits(2);
    t.equal(await ask(), 503, 'both are at work, and at each there is one that waits');
    socket.destroy();
    t.same(await Promise.all(waiting), ['quick', 'quick']);
    await release();
    t.ok((await Promise.all(first)).includes('slow'));
  });
}

test('who waits at one target has the first turn of any, in the order of their coming', async (t) => {
  const scene = await arrangeSlowAndQuick(t, {}, { size: 2, timeout: '59s' });
  const { ask, held, release, holdQuick, client, gateway, waits } = scene;
  const atQuick = holdQuick();
  const first = [ask(), ask()];
  await until('both to be at work', () => held.length === 1 && atQuick.length === 1);
  const order: number[] = [];
  const waiting: Promise<unknown>[] = [];
  for (let each = 0; each < 4; each++) {
    const one = ask();
    void one.then(() => order.push(each));
    waiting.push(one);
    await waits(each + 1);
  }
  t.equal((await client.get(`${gateway.url}/`)).status, 503, 'each target has two that wait');
  for (let each = 0; each < 5; each++) {
    const end = await until('the next one at the quick target', () => atQuick.shift());
    end();
  }
  t.same(await Promise.all(waiting), ['quick', 'quick', 'quick', 'quick'], 'none waits for the slow one');
  t.same(order, [0, 1, 2, 3]);
  t.equal(held.length, 1);
  first.push(ask());
  await until('the next one at the quick target, which has its turns back', () => atQuick.length === 1);
  await release();
  t.same((await Promise.all(first)).sort(), ['quick', 'quick', 'slow']);
});

test('a browser that is tied waits for its own target, and is refused by it alone', async (t) => {
  const scene = await arrangeSlowAndQuick(t, { sticky: { cookie: 'tie' } }, { size: 1, timeout: '59s' });
  const { ask, held, release, client, gateway, clock, waits: waitFor } = scene;
  const first = client.get(`${gateway.url}/`);
  await until('one at the slow target', () => held.length === 1);
  held[0]?.();
  const [cookie = ''] = [(await first).headers['set-cookie'] ?? ''].flat().map(String);
  const tied = { cookie: cookie.split(';', 1)[0] as string };
  const mine = ask(tied);
  await until('its next one', () => held.length === 1);
  const waits = ask(tied);
  await waitFor(1);
  t.equal(await ask(tied), 503);
  const other = createClient();
  t.equal((await other.get(`${gateway.url}/`)).text, 'quick');
  other.close();
  clock.wind(queueMs);
  t.equal(await waits, 503);
  await release();
  t.equal(await mine, 'slow');
});

test('a target that is left out gets none of those that wait for it', async (t) => {
  const upstream = { eject: { failures: 1 }, retry: { attempts: 0 } };
  const scene = await arrangeSlowAndQuick(t, upstream, { size: 3, timeout: '59s' });
  const { ask, held, holdQuick, slow, waits } = scene;
  const atQuick = holdQuick();
  const first = [ask(), ask()];
  await until('both to be at work', () => held.length === 1 && atQuick.length === 1);
  const waiting = [ask(), ask(), ask()];
  await waits(3);
  const before = slow.requests.length;
  slow.server.closeAllConnections();
  // Its failure.
  await Promise.race(first);
  for (let each = 0; each < 4; each++) (await until('the next one', () => atQuick.shift()))();
  t.same(await Promise.all(waiting), ['quick', 'quick', 'quick']);
  t.equal(slow.requests.length, before);
  await Promise.all(first);
});

/** Node warns of an emitter with more than ten listeners of a kind. */
function noteWarnings(t: Test): string[] {
  const warnings: string[] = [];
  const note = ({ name }: Error) => warnings.push(name);
  process.on('warning', note);
  t.teardown(() => process.off('warning', note));
  return warnings;
}

test('a WebSocket that tries again and again takes a turn each time, and leaves nothing behind', async (t) => {
  const warnings = noteWarnings(t);
  const wound = createWoundClock();
  let pauses = 0;
  const clock: Clock = {
    ...wound,
    after(milliseconds, callback) {
      // Between two tries; of others there are a few as short.
      if (milliseconds >= 50 && milliseconds <= 1000) pauses += 1;
      return wound.after(milliseconds, callback);
    },
  };
  const port = await freePort();
  const retry = { for: '10m' };
  const { gateway, client } = await arrangeGateway(t, {
    clock,
    awaitProvider: false,
    config: {
      routes: [{ path: '/', upstream: { targets: [`http://127.0.0.1:${port}`], retry }, allow: 'public' }],
      limits: { upstreamConnections: 1, queue: { size: 1, timeout: '59s' }, connectionsPerClient: 100 },
    },
  });
  const socket = await openRaw(gateway.url);
  socket.write(handshake(new URL(gateway.url).host));
  await until('many tries', () => {
    wound.wind(1000);
    return pauses >= 30;
  });
  const upstream = createServer();
  upstream.on('upgrade', (_request, tunnel) => {
    tunnel.on('error', () => tunnel.destroy());
    tunnel.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    tunnel.pipe(tunnel);
  });
  upstream.on('request', (_request, response) => response.end('x'));
  await new Promise<void>((resolve) => upstream.listen(port, '127.0.0.1', resolve));
  t.teardown(() => upstream.close());
  await until('the tunnel', () => {
    wound.wind(1000);
    return socket.received().includes('101 Switching');
  });
  socket.destroy();
  t.equal((await client.get(`${gateway.url}/`)).status, 200, 'its turn is free');
  t.same(warnings, []);
});

test('a gateway that closes has no heap of listeners at an open WebSocket', async (t) => {
  const warnings = noteWarnings(t);
  const { gateway } = await arrange(t, { upstreamConnections: 1, connectionsPerClient: 100 });
  const socket = await openRaw(gateway.url);
  socket.write(handshake(new URL(gateway.url).host));
  await socket.until('101 Switching');
  await gateway.close();
  // Node warns in the next tick.
  await new Promise(setImmediate);
  t.same(warnings, []);
});

test('a target that refuses connections keeps no turn', async (t) => {
  const { gateway, client } = await arrangeGateway(t, {
    awaitProvider: false,
    config: {
      routes: [{ path: '/', upstream: 'http://127.0.0.1:9', allow: 'public' }],
      limits: { upstreamConnections: 1, queue: { size: 1, timeout: '1s' } },
    },
  });
  for (let each = 0; each < 5; each++)
    t.equal((await client.get(`${gateway.url}/`)).headers['x-sallyport-error'], 'upstream_unreachable');
});
