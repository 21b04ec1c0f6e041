import { test } from 'tap';
import { arrangePublic, arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { startByteUpstream } from '../support/byte-upstream.ts';
import { readAnswers, sendRaw } from '../support/raw.ts';

/** Sends targets as they are written here and gives what arrived upstream. */
async function arrange(t: Teardown, config: Record<string, unknown> = {}) {
  const upstream = await startByteUpstream(
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
  );
  t.teardown(() => upstream.close());
  const { gateway } = await arrangePublic(t, upstream, config);
  const { host } = new URL(gateway.url);
  return {
    gateway,
    async send(target: string) {
      const before = upstream.received.length;
      const text = await sendRaw(
        gateway.url,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      const [answer] = readAnswers(text);
      const [arrived] = upstream.received.slice(before);
      return { status: answer?.status, arrived: arrived && /^GET (.*) HTTP\/1\.1\r\n/.exec(arrived)?.[1] };
    },
  };
}

test('path and query go upstream byte for byte', async (t) => {
  const { send } = await arrange(t);
  const targets = [
    '/',
    '/a%2Fb',
    '/a%2fb',
    '/a%5Cb',
    '/%61dmin',
    '/%zz',
    '/100%',
    '/%',
    '/a/..b',
    '/...',
    '/a/.../b',
    '/.hidden/.well-known/x',
    '/a.b.',
    '/x//y///z',
    '//x',
    '/x;p=1/y;q=2',
    '/;p=1',
    '/{}|^',
    '/"<>`',
    '/[1]',
    "/!$&'()*+,=:@~_-",
    '/%E2%82%AC/%F0%9F%91%8B',
    '/%u20ac',
    '/a b'.replace(' ', '%20'),
    '/x?',
    '/x??y=?',
    '/x?a=1&a=2&b=%20+&c',
    '/x?%zz={}|^"<>`[]\\',
    '/x?url=http://other.example/../y//z;p#'.replace('#', '%23'),
    '/x?/../oauth2/start',
    `/${'long/'.repeat(1200)}`,
    `/x?q=${'y'.repeat(20_000)}`,
  ];
  for (const target of targets) {
    await t.test(target.slice(0, 100), async (t) => {
      const name = target.length > 100 ? `${target.length} characters` : target;
      t.same(await send(target), { status: 200, arrived: target }, name);
    });
  }
});

test('a path of 6,000 characters passes', async (t) => {
  const { send } = await arrange(t);
  const target = `/${'x'.repeat(6000)}?page=1`;
  t.same(await send(target), { status: 200, arrived: target });
});

test('dot segments and backslashes go upstream unresolved where one rule covers all their readings', async (t) => {
  const { send } = await arrange(t);
  for (const target of ['/a/../b', '/a/./b', '/a/%2e%2e/b', '/a/..%2fb', '/a\\b', '/a/..;/b', '/a%252fb']) {
    await t.test(target, async (t) => {
      t.same(await send(target), { status: 200, arrived: target }, target);
    });
  }
});

test('bytes outside ASCII, which no target may have (RFC 3986 §2), are refused', async (t) => {
  const { send } = await arrange(t);
  for (const target of ['/caf\xe9', '/\xc3\xa9', '/x?q=\xff\xfe', '/x\x01', '/x\x7f']) {
    await t.test(JSON.stringify(target), async (t) => {
      t.same(await send(target), { status: 400, arrived: undefined });
    });
  }
});

test('an absolute target goes upstream as its path', async (t) => {
  const { gateway, send } = await arrange(t);
  t.same(await send(`${gateway.url}/a%2Fb?c`), { status: 200, arrived: '/a%2Fb?c' });
  t.same(await send(gateway.url), { status: 200, arrived: '/' });
});

test('a target that is no path is refused', async (t) => {
  const { send } = await arrange(t);
  for (const target of ['*', 'x', 'ftp://127.0.0.1/x', 'http://other.example/x', '/x#y']) {
    await t.test(target, async (t) => {
      t.same(await send(target), { status: 400, arrived: undefined }, target);
    });
  }
});

test('a path that could be one of the endpoints of the gateway is never forwarded', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway } = await arrangePublic(t, upstream);
  const { host } = new URL(gateway.url);
  for (const target of [
    '/oauth2/nothing-here',
    '/oauth2',
    '/a/../oauth2/userinfo',
    '/%6fauth2/userinfo',
    '//oauth2/userinfo',
    '/oauth2%2fuserinfo',
    '/a/..%2foauth2/userinfo',
  ]) {
    const text = await sendRaw(
      gateway.url,
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    const status = readAnswers(text)[0]?.status ?? 0;
    t.ok(status >= 400 && status < 500, `${target}: ${status}`);
  }
  t.equal(upstream.requests.length, 0);
});
