import { type Test, test } from 'tap';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { openRaw, type RawConnection } from '../support/raw.ts';
import { until } from '../support/until.ts';

/** A gateway behind a front that names its clients, before an application that reads bodies to their end. */
async function arrange(t: Test, limits: Record<string, unknown>) {
  const clock = createWoundClock();
  let reading = 0;
  const upstream = await arrangeUpstream(t, (request, response) => {
    reading += 1;
    request.on('close', () => {
      reading -= 1;
    });
    request.resume().on('end', () => response.end('served'));
  });
  const { gateway, client } = await arrangeGateway(t, {
    clock,
    config: {
      trustedProxies: ['127.0.0.1'],
      endpoints: { prefix: '/oauth2' },
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
      limits,
    },
  });
  const { host } = new URL(gateway.url);
  const ask = async (address: string) => {
    const { status, headers } = await client.get(`${gateway.url}/x`, { 'x-forwarded-for': address });
    return headers['x-sallyport-error'] ?? status;
  };
  const held: RawConnection[] = [];
  t.teardown(() => {
    for (const connection of held) connection.destroy();
  });
  /** Begins a body, which somebody has to go on with. */
  const begin = async (address: string, path = '/upload', lines = 'Content-Length: 100000\r\n') => {
    const connection = await openRaw(gateway.url);
    held.push(connection);
    const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-For: ${address}\r\n${lines}\r\n`;
    // The application hears of it with the first byte.
    connection.write(head + (lines.startsWith('Transfer') ? '1\r\nx\r\n' : 'x'));
    return connection;
  };
  const isRead = (count: number) => until(`${count} bodies to be read`, () => reading === count);
  /** So many seconds pass, in each of which a piece of each body comes. */
  const trickle = async (seconds: number, bodies: readonly RawConnection[], piece: string) => {
    for (let second = 0; second < seconds; second++) {
      for (const body of bodies) if (!body.socket.destroyed) body.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 10));
      clock.wind(1000);
    }
  };
  const heldBy = async (address: string, count: number) => {
    const bodies: RawConnection[] = [];
    for (let each = 0; each < count; each++) bodies.push(await begin(address));
    await isRead(count);
    return bodies;
  };
  const late = (bodies: readonly RawConnection[]) =>
    bodies.filter((body) => body.received().startsWith('HTTP/1.1 408')).length;
  return { gateway, clock, ask, begin, trickle, heldBy, late, isRead };
}

test('bodies that come a byte at a time do not hold the turns that others wait for', async (t) => {
  const { ask, trickle, heldBy, late, gateway } = await arrange(t, {
    upstreamConnections: 4,
    queue: { size: 10, timeout: '1m' },
  });
  const slow = await heldBy('192.0.2.66', 4);
  await trickle(30, slow, 'x');
  t.equal(late(slow), 0, 'as long as nobody waits');
  const others = [ask('198.51.100.1'), ask('198.51.100.2')];
  await new Promise((resolve) => setTimeout(resolve, 50));
  await trickle(2, slow, 'x');
  t.same(await Promise.all(others), [200, 200]);
  await until('their end', () => late(slow) === 4);
  const line = await gateway.log.line(({ code }) => code === 'request_timeout');
  t.match(line, { reason: /too slowly while others waited/ });
});

test('chunks that are nearly empty are no way around it', async (t) => {
  const { ask, begin, isRead, trickle, late } = await arrange(t, {
    upstreamConnections: 1,
    queue: { size: 10, timeout: '1m' },
  });
  const body = await begin('192.0.2.66', '/upload', 'Transfer-Encoding: chunked\r\n');
  await isRead(1);
  const other = ask('198.51.100.1');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await trickle(8, [body], '1\r\nx\r\n');
  t.equal(await other, 200);
  t.equal(late([body]), 1);
});

test('a body over a slow line goes on, and one that was fast may pause, though others wait', async (t) => {
  const { ask, heldBy, trickle, late } = await arrange(t, {
    upstreamConnections: 2,
    queue: { size: 10, timeout: '10m' },
  });
  const [slow, pausing] = (await heldBy('192.0.2.1', 2)) as [RawConnection, RawConnection];
  const others = [ask('198.51.100.1'), ask('198.51.100.2'), ask('198.51.100.3')];
  pausing.write('x'.repeat(50_000));
  await trickle(15, [slow], 'x'.repeat(1000));
  t.equal(late([slow, pausing]), 0);
  pausing.write('x'.repeat(50_000));
  slow.write('x'.repeat(85_000));
  t.same(await Promise.all(others), [200, 200, 200]);
  for (const body of [slow, pausing]) await body.until('HTTP/1.1 200');
});

test('nor do they keep others out of the requests that are taken at once, at the gateway itself either', async (t) => {
  const { ask, begin, trickle, isRead, late } = await arrange(t, { requestsInFlight: 4 });
  const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n';
  const slow = await Promise.all([
    begin('192.0.2.66'),
    begin('192.0.2.66'),
    begin('192.0.2.66', '/oauth2/backchannel-logout', form),
    begin('192.0.2.66', '/oauth2/sign_out', form),
  ]);
  await isRead(2);
  await until('503', async () => (await ask('198.51.100.1')) === 'overloaded');
  await trickle(7, slow, 'x');
  await until('the end of all', () => late(slow) === 4);
  // The application hears of it a moment later, and so does the count.
  await until('room', async () => (await ask('198.51.100.1')) === 200);
});
