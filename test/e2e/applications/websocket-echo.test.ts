import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'tap';
import { type RawData, WebSocket } from 'ws';
import { startWebSocketEcho } from '../../support/applications/websocket-echo.ts';
import { arrangeSignedIn } from '../../support/arrange.ts';
import { openRaw } from '../../support/raw.ts';
import { valuesOf } from '../../support/upstream.ts';

test('a WebSocket application works behind the gateway', async (t) => {
  const echo = await startWebSocketEcho();
  t.teardown(() => echo.stop());
  const { gateway, client } = await arrangeSignedIn(t, { upstream: echo });
  const address = `${gateway.url.replace('http', 'ws')}/socket?room=1`;
  const cookie = `${client.cookies.headerFor(gateway.url)}; theme=dark`;

  const connect = (protocols: string[] = [], headers: Record<string, string> = {}, url = address) => {
    const socket = new WebSocket(url, protocols, { headers: { cookie, ...headers }, maxPayload: 256 << 20 });
    // A refused handshake is an error to the client too; the tests look at the answer instead.
    socket.on('error', () => undefined);
    t.teardown(() => socket.terminate());
    return socket;
  };
  const open = async (protocols?: string[], headers?: Record<string, string>) => {
    const socket = connect(protocols, headers);
    await once(socket, 'open');
    return socket;
  };
  const ask = async (socket: WebSocket, message: string | Buffer) => {
    const answer = once(socket, 'message') as Promise<[RawData, boolean]>;
    socket.send(message);
    const [data, isBinary] = await answer;
    return { bytes: data as Buffer, isBinary };
  };
  const refusal = async (socket: WebSocket) => {
    const [, answer] = await once(socket, 'unexpected-response');
    return answer as import('node:http').IncomingMessage;
  };

  await t.test('text and binary messages come back as they were', async (t) => {
    const socket = await open();
    const text = await ask(socket, 'Grüße, 世界 👋');
    t.equal(text.bytes.toString(), 'Grüße, 世界 👋');
    t.equal(text.isBinary, false);
    const bytes = randomBytes(1000);
    const binary = await ask(socket, bytes);
    t.ok(binary.bytes.equals(bytes));
    t.equal(binary.isBinary, true);
    t.equal((await ask(socket, '')).bytes.length, 0);
  });

  await t.test('a message of 20 MB passes', async (t) => {
    const bytes = randomBytes(20 * 1024 * 1024);
    const { bytes: back } = await ask(await open(), bytes);
    t.ok(back.equals(bytes));
  });

  await t.test(
    'the application gets the bearer token and who it is, and never the session cookie',
    async (t) => {
      const socket = await open([], { 'X-Forwarded-User': 'mallory', Authorization: 'Bearer forged' });
      const { bytes } = await ask(socket, 'headers');
      const headers = JSON.parse(bytes.toString()) as string[];
      const authorization = valuesOf(headers, 'authorization');
      t.equal(authorization.length, 1);
      t.match(authorization[0], /^Bearer \S{20,}$/);
      t.not(authorization[0], 'Bearer forged');
      t.same(valuesOf(headers, 'x-forwarded-user'), ['ada']);
      const [cookies = ''] = valuesOf(headers, 'cookie');
      t.match(cookies, 'theme=dark');
      t.notMatch(cookies, 'sallyport');
      t.same(valuesOf(headers, 'host'), [new URL(echo.url).host]);
    },
  );

  await t.test('the application picks the subprotocol', async (t) => {
    const socket = await open(['v1.echo', 'v2.echo']);
    t.equal(socket.protocol, 'v2.echo');
  });

  await t.test('compression is agreed between the two ends', async (t) => {
    t.match((await open()).extensions, 'permessage-deflate');
  });

  await t.test('close codes and reasons reach the other end, both ways', async (t) => {
    const socket = await open();
    socket.send('close 4321 enough for today');
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    t.equal(code, 4321);
    t.equal(reason.toString(), 'enough for today');
    const other = await open();
    other.close(4000, 'leaving');
    const [otherCode] = (await once(other, 'close')) as [number];
    t.equal(otherCode, 4000);
  });

  await t.test('pings and pongs pass both ways', async (t) => {
    const socket = await open();
    const pong = once(socket, 'pong');
    socket.ping('hello');
    t.equal(String((await pong)[0]), 'hello');
    const ping = once(socket, 'ping');
    const answered = once(socket, 'message');
    socket.send('ping');
    t.equal(String((await ping)[0]), 'are you there');
    t.equal(String((await answered)[0]), 'pong are you there');
  });

  await t.test('a hundred sockets at once keep their messages apart', async (t) => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => open()));
    const answers = await Promise.all(sockets.map((socket, at) => ask(socket, `message of ${at}`)));
    t.same(
      answers.map(({ bytes }) => bytes.toString()),
      sockets.map((_, at) => `message of ${at}`),
    );
    for (const socket of sockets) socket.terminate();
  });

  await t.test("the application's refusal is what the client sees", async (t) => {
    const answer = await refusal(
      connect([], {}, address.replace('/socket', '/refused').replace('?room=1', '')),
    );
    t.equal(answer.statusCode, 403);
    t.equal(answer.headers['x-reason'], 'closed');
    t.equal(answer.headers['x-sallyport-error'], undefined);
    answer.destroy();
  });

  await t.test('without a session there is no socket, and no redirect either', async (t) => {
    const answer = await refusal(connect([], { cookie: 'theme=dark' }));
    t.equal(answer.statusCode, 401);
    t.equal(answer.headers['x-sallyport-error'], 'not_signed_in');
    answer.destroy();
  });

  await t.test("another site's page cannot open a socket with the person's session", async (t) => {
    const answer = await refusal(connect([], { origin: 'https://evil.example' }));
    t.equal(answer.statusCode, 403);
    t.equal(answer.headers['x-sallyport-error'], 'cross_site');
    answer.destroy();
    const own = await open([], { origin: gateway.url });
    t.equal((await ask(own, 'still here')).bytes.toString(), 'still here');
  });

  await t.test('a client that vanishes leaves nothing behind, and the gateway goes on', async (t) => {
    const connection = await openRaw(gateway.url);
    connection.write(
      `GET /socket HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nCookie: ${cookie}\r\n\r\n`,
    );
    t.match(await connection.until('\r\n\r\n'), /^HTTP\/1\.1 101 /);
    connection.reset();
    t.equal((await ask(await open(), 'fine')).bytes.toString(), 'fine');
  });
});
