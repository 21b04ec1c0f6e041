import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { openRaw } from '../support/raw.ts';

const publicUrl = 'http://app.example';

async function ask(url: string, lines: string[]): Promise<string> {
  const connection = await openRaw(url);
  connection.write([...lines, '', ''].join('\r\n'));
  connection.end();
  await connection.closed();
  return connection.received();
}

test('load balancers are answered by any name, by HTTP/1.0 and by HEAD, and told no more than whether', async (t) => {
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ upstream, config: { publicUrl } });
  t.teardown(() => gateway.close());
  const questions = [
    ['GET /oauth2/health HTTP/1.1', 'Host: 10.0.0.7:4180', 'Connection: close'],
    ['GET /oauth2/health HTTP/1.1', 'Host: app.example', 'Connection: close'],
    ['GET /oauth2/health HTTP/1.1', 'Host: check.balancer.internal', 'Connection: close'],
    ['GET /oauth2/health?x=1 HTTP/1.1', 'Host:', 'Connection: close'],
    ['GET /oauth2/health HTTP/1.0'],
    [
      'GET /oauth2/health HTTP/1.1',
      'Host: a',
      'Cookie: sallyport=x; __Host-sallyport=y',
      'Connection: close',
    ],
    ['GET /oauth2/health HTTP/1.1', 'Host: a', 'Authorization: Bearer x', 'Connection: close'],
  ];
  for (const lines of questions) {
    const answer = await ask(gateway.url, lines);
    t.match(answer, /^HTTP\/1\.[01] 200 /, lines.join(', '));
    t.ok(answer.endsWith('\r\n\r\n{"status":"ok"}'), answer);
    t.match(answer, /\r\ncache-control: no-store\r\n/i);
    t.notMatch(answer, /set-cookie/i);
  }
  const head = await ask(gateway.url, ['HEAD /oauth2/health HTTP/1.0']);
  t.match(head, /^HTTP\/1\.[01] 200 /);
  t.ok(head.endsWith('\r\n\r\n'), 'without a body');
});

test('nothing but the very path is the question for the health', async (t) => {
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({ upstream, config: { publicUrl } });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  const paths = [
    '/oauth2/health/',
    '/oauth2//health',
    '/OAUTH2/health',
    '/oauth2/healthz',
    '/oauth2/%68ealth',
  ];
  for (const path of [...paths, '/oauth2/x/../health', '/oauth2/health;x', '/health']) {
    const { status } = await client.get(gateway.url + path, { host: '10.0.0.7' });
    t.not(status, 200, path);
  }
  const statusOf = async (lines: string[]) => /^HTTP\/1\.1 (\d+)/.exec(await ask(gateway.url, lines))?.[1];
  t.equal(
    await statusOf(['GET /oauth2/health HTTP/1.1', 'Host: a', 'Host: b', 'Connection: close']),
    '400',
    'two hosts',
  );
  for (const method of ['POST', 'DELETE', 'OPTIONS'])
    t.equal(
      await statusOf([
        `${method} /oauth2/health HTTP/1.1`,
        'Host: a',
        'Content-Length: 0',
        'Connection: close',
      ]),
      '404',
      method,
    );
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  t.equal(await statusOf(['GET /oauth2/health HTTP/1.1', 'Host: a', ...upgrade, key]), '404');
});

test('it stands below the prefix, and says 503 without a reason while requests should go elsewhere', async (t) => {
  const upstream = await arrangeUpstream(t);
  const redis = `redis://127.0.0.1:${await freePort()}`;
  const config = { publicUrl, endpoints: { prefix: '/gate' }, session: { redis: { url: redis } } };
  const gateway = await startTestGateway({ upstream, config });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  const answer = await client.get(`${gateway.url}/gate/health`, { host: '10.0.0.7' });
  t.equal(answer.status, 503);
  t.equal(answer.text, '{"status":"unavailable"}');
  t.equal(answer.headers['retry-after'], '1');
  t.not((await client.get(`${gateway.url}/oauth2/health`, { host: 'app.example' })).status, 503);
});
