import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import tap, { test } from 'tap';
import { startWebSocketEcho } from '../support/applications/websocket-echo.ts';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { bulkBody, bulkDigest, digestOf, sendBulk } from '../support/bulk.ts';
import { createClient } from '../support/client.ts';
import { openRaw } from '../support/raw.ts';
import { type SpawnedGateway, spawnGateway } from '../support/spawned-gateway.ts';
import type { Echo } from '../support/upstream.ts';

// More than a gigabyte passes here, on machines that may have other work to do.
tap.setTimeout(180_000);

const MiB = 1024 * 1024;
const parallel = 40;
/** Transfers that are to stop on their way, and how large they are. */
const stalledTransfers = 10;
const stalledBody = 200 * MiB;
/** DESIGN promises a bound, not a number: this one is far below what buffering any of the bodies would take. */
const allowedGrowth = 50 * MiB;

async function arrange(t: Teardown, upstream: { url: string }) {
  const gateway = await spawnGateway({
    config: { routes: [{ upstream: upstream.url, allow: 'public' }], logging: { level: 'warn' } },
  });
  t.teardown(() => gateway.stop());
  const client = createClient();
  t.teardown(() => client.close());
  return { gateway, client };
}

/**
 * The first requests load and compile code, and the collector lets the heap grow to its working size; that
 * memory is no business of the number of bodies.
 */
async function warmUp({ gateway, client }: Awaited<ReturnType<typeof arrange>>): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await Promise.all(
      Array.from({ length: parallel }, async () => {
        await client.request(`${gateway.url}/${MiB}`, { method: 'PUT', body: bulkBody(MiB) });
        await client.get(`${gateway.url}/${MiB}`);
      }),
    );
  }
}

/** The most memory that the gateway holds more than at the beginning, while something is done. */
async function growth(gateway: SpawnedGateway, work: () => Promise<void>): Promise<number> {
  const before = await gateway.rss();
  let most = before;
  let working = true;
  const watch = (async () => {
    while (working) {
      most = Math.max(most, await gateway.rss());
      await wait(20);
    }
  })();
  try {
    await work();
  } finally {
    working = false;
  }
  await watch;
  return most - before;
}

/**
 * Whether senders come to a halt while their bodies are far from sent. How much they get rid of before is up
 * to the buffers of the kernel: several MiB for each connection.
 */
async function stalls(sent: readonly number[]): Promise<boolean> {
  const total = () => sent.reduce((sum, bytes) => sum + bytes, 0);
  for (let attempt = 0; attempt < 10; attempt++) {
    const before = total();
    await wait(500);
    if (total() === before) return before > 0 && sent.every((bytes) => bytes < stalledBody);
  }
  return false;
}

const inMiB = (bytes: number) => `${Math.round(bytes / MiB)} MiB`;

test('forty large downloads at once take little memory', async (t) => {
  const upstream = await arrangeUpstream(t, sendBulk);
  const scene = await arrange(t, upstream);
  const { gateway, client } = scene;
  const size = 16 * MiB;
  await warmUp(scene);
  const fetchOne = async () => digestOf((await client.open(`${gateway.url}/${size}`)).answer);
  let answers: { length: number; sha256: string }[] = [];
  const grown = await growth(gateway, async () => {
    answers = await Promise.all(Array.from({ length: parallel }, fetchOne));
  });
  const sha256 = bulkDigest(size);
  t.ok(answers.every((answer) => answer.length === size && answer.sha256 === sha256));
  t.ok(grown < allowedGrowth, `grew by ${inMiB(grown)}`);
});

test('forty large uploads at once take little memory', async (t) => {
  const upstream = await arrangeUpstream(t);
  const scene = await arrange(t, upstream);
  const { gateway, client } = scene;
  const size = 16 * MiB;
  await warmUp(scene);
  const sendOne = async () => {
    const answer = await client.request(`${gateway.url}/`, {
      method: 'PUT',
      body: bulkBody(size),
      timeout: 80_000,
    });
    return (answer.json() as Echo).body;
  };
  let bodies: Echo['body'][] = [];
  const grown = await growth(gateway, async () => {
    bodies = await Promise.all(Array.from({ length: parallel }, sendOne));
  });
  const sha256 = bulkDigest(size);
  t.ok(bodies.every((body) => body.length === size && body.sha256 === sha256));
  t.ok(grown < allowedGrowth, `grew by ${inMiB(grown)}`);
});

test('clients that stop reading stop the upstream, and memory does not grow', async (t) => {
  const sent: number[] = [];
  const upstream = await arrangeUpstream(t, (request, response) => {
    if (request.url !== '/') {
      sendBulk(request, response);
      return;
    }
    const at = sent.push(0) - 1;
    const body = bulkBody(stalledBody);
    body.on('data', (chunk: Buffer) => {
      sent[at] = (sent[at] ?? 0) + chunk.length;
    });
    response.on('close', () => body.destroy());
    body.pipe(response);
  });
  const scene = await arrange(t, upstream);
  const { gateway, client } = scene;
  await warmUp(scene);
  let stalled = false;
  const grown = await growth(gateway, async () => {
    const answers = await Promise.all(
      Array.from({ length: stalledTransfers }, () => client.open(`${gateway.url}/`)),
    );
    for (const { answer } of answers) answer.pause();
    stalled = await stalls(sent);
    for (const { destroy } of answers) destroy();
  });
  t.ok(stalled, `the upstream sent ${sent.map(inMiB)}`);
  t.ok(grown < allowedGrowth, `grew by ${inMiB(grown)}`);
});

test('an upstream that stops reading stops the clients, and memory does not grow', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    if (request.url !== '/') sendBulk(request, response);
    else request.pause();
  });
  const scene = await arrange(t, upstream);
  const { gateway, client } = scene;
  await warmUp(scene);
  const sent: number[] = [];
  const bodies: Readable[] = [];
  let stalled = false;
  const grown = await growth(gateway, async () => {
    const uploads = Array.from({ length: stalledTransfers }, (_, at) => {
      sent[at] = 0;
      const body = bulkBody(stalledBody);
      body.on('data', (chunk: Buffer) => {
        sent[at] = (sent[at] ?? 0) + chunk.length;
      });
      bodies.push(body);
      return client.open(`${gateway.url}/`, { method: 'POST', body }).catch(() => undefined);
    });
    stalled = await stalls(sent);
    for (const body of bodies) body.destroy();
    client.close();
    await Promise.all(uploads);
  });
  t.ok(stalled, `the clients sent ${sent.map(inMiB)}`);
  t.ok(grown < allowedGrowth, `grew by ${inMiB(grown)}`);
});

test('a WebSocket client that stops reading does not fill the memory', async (t) => {
  const echo = await startWebSocketEcho();
  t.teardown(() => echo.stop());
  const { gateway } = await arrange(t, echo);
  const connections = await Promise.all(Array.from({ length: 10 }, () => openRaw(gateway.url)));
  t.teardown(() => {
    for (const connection of connections) connection.destroy();
  });
  for (const connection of connections) {
    connection.write(
      `GET /flood HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    await connection.until('\r\n\r\n');
  }
  const grown = await growth(gateway, async () => {
    for (const connection of connections) {
      connection.socket.pause();
      connection.write(maskedText('flood 1000'));
    }
    await wait(1500);
  });
  t.ok(grown < allowedGrowth, `grew by ${inMiB(grown)}`);
});

/** A short text message as clients frame it (RFC 6455 §5.2), masked with zeros. */
function maskedText(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}
