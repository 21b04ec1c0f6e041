import { test } from 'tap';
import { type Asking, createGuard } from '../../src/admin/guard.ts';
import { createWoundClock } from '../support/clock.ts';

const token = 'correct-horse-battery';
const listen = { host: '127.0.0.1', port: 4181 };
const good: Asking = {
  client: '192.0.2.1',
  hosts: ['127.0.0.1:4181'],
  origin: undefined,
  fetchSite: undefined,
  language: undefined,
  authorization: `Bearer ${token}`,
};

function arrange(options: { host?: string; token?: string | undefined } = {}) {
  const clock = createWoundClock();
  const { host = listen.host } = options;
  const chosen = 'token' in options ? options.token : token;
  const guard = createGuard({ listen: { host, port: 4181 }, token: chosen }, clock);
  const ask = (change: Partial<Asking> = {}) => {
    const refusal = guard.refuse({ ...good, ...change }, 'operator');
    return refusal === undefined ? 200 : refusal.status;
  };
  const wrong = (client: string) => ask({ client, authorization: 'Bearer wrong-wrong-wrong' });
  return { clock, guard, ask, wrong };
}

test('the token opens, and nothing that is nearly the token does', (t) => {
  const { ask } = arrange();
  t.equal(ask(), 200);
  t.equal(ask({ authorization: `bearer  ${token}` }), 200, 'RFC 9110 §11.1: the scheme in any case');
  const others = [
    ...[undefined, '', 'Bearer', 'Bearer ', token, `Basic ${token}`, `Token ${token}`],
    ...[`Bearer ${token}x`, `Bearer ${token.slice(0, -1)}`, `Bearer ${token.toUpperCase()}`],
    ...[`Bearer ${token} `, `Bearer\t${token}`, `Bearer ${token}, Bearer ${token}`, `Bearer ${token}\0`],
  ];
  for (const [at, authorization] of others.entries())
    t.equal(ask({ client: `198.51.100.${at}`, authorization }), 401, String(authorization));
  t.end();
});

test('ten wrong tokens, then 429 for all that comes from there, and one try each ten seconds', (t) => {
  const { clock, ask, wrong } = arrange();
  const statuses = Array.from({ length: 10_000 }, () => wrong('192.0.2.66'));
  t.same(statuses.slice(0, 10), Array(10).fill(401));
  t.same([...new Set(statuses.slice(10))], [429]);
  t.equal(ask({ client: '192.0.2.66' }), 429, 'or else guessing would go on');
  t.equal(ask(), 200, 'who asks from elsewhere is not kept out');
  clock.wind(10_000);
  t.equal(wrong('192.0.2.66'), 401);
  t.equal(wrong('192.0.2.66'), 429);
  clock.wind(10_000);
  t.equal(ask({ client: '192.0.2.66' }), 200);
  t.end();
});

test('a network of IPv6 counts as one client', (t) => {
  const { wrong } = arrange();
  const statuses = Array.from({ length: 30 }, (_none, at) => wrong(`2001:db8:1:2::${at.toString(16)}`));
  t.equal(statuses.filter((status) => status === 401).length, 10);
  t.equal(wrong('2001:db8:1:3::1'), 401, 'the next one is somebody else');
  t.end();
});

test('many that guess together have one try each, and keep nobody out who knows the token', (t) => {
  const { ask, wrong } = arrange();
  for (let at = 0; at < 100; at++) wrong(`203.0.113.${at}`);
  t.equal(wrong('198.51.100.1'), 401);
  t.equal(wrong('198.51.100.1'), 429, 'the second one');
  t.equal(ask({ client: '198.51.100.2' }), 200);
  // More of them than are remembered.
  for (let at = 0; at < 12_000; at++) wrong(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`);
  t.equal(ask(), 200);
  t.end();
});

test('a missing token costs no try', (t) => {
  const { ask } = arrange();
  for (let at = 0; at < 100; at++) t.equal(ask({ authorization: undefined }), 401);
  t.equal(ask(), 200);
  t.end();
});

test('without a token in the configuration nothing opens over TCP', (t) => {
  const { ask } = arrange({ token: undefined });
  for (const authorization of [undefined, 'Bearer ', 'Bearer undefined', 'Bearer null', `Bearer ${token}`])
    t.equal(ask({ authorization }), 403);
  t.end();
});

test('over a Unix socket the permissions of the file have decided', (t) => {
  const { ask } = arrange({ token: undefined });
  t.equal(ask({ client: undefined, authorization: undefined, hosts: ['anything'] }), 200);
  t.equal(ask({ client: undefined, origin: 'https://evil.example' }), 403, 'a proxy that passes pages on');
  t.end();
});

test('a name that may have been led here is refused, and an address is not', (t) => {
  const { ask } = arrange();
  const own = ['127.0.0.1', '10.1.2.3:4181', '[::1]:4181', '[2001:db8::1]', 'localhost', 'LOCALHOST:80'];
  for (const host of own) t.equal(ask({ hosts: [host] }), 200, host);
  t.equal(ask({ hosts: [] }), 200, 'HTTP/1.0, which no browser speaks');
  const foreign = [
    ...['evil.example', 'evil.example:4181', '127.0.0.1.evil.example', 'localhost.evil.example', ''],
    ...[
      '127.0.0.2.evil.example',
      'localhost@evil.example',
      'localhost:80:80',
      '127.1',
      '2130706433',
      '0x7f000001',
    ],
    ...[
      '[evil.example]',
      '[127.0.0.1]',
      '::1',
      'evil',
      ' localhost',
      '127.0.0.1:4181.evil.example',
      '[::1].x',
    ],
  ];
  for (const host of foreign) t.equal(ask({ hosts: [host] }), 421, host);
  t.equal(ask({ hosts: ['localhost', 'evil.example'] }), 400, 'two of them');
  const named = arrange({ host: 'Admin.internal' });
  t.equal(named.ask({ hosts: ['admin.internal:4181'] }), 200, 'the name in admin.listen');
  t.equal(named.ask({ hosts: ['internal'] }), 421);
  t.end();
});

test('no page of another site asks for anything, whatever it knows', (t) => {
  const { ask } = arrange();
  for (const origin of ['https://evil.example', 'null', '', 'http://127.0.0.1:4181'])
    t.equal(ask({ origin }), 403, `Origin: ${origin}`);
  for (const fetchSite of ['cross-site', 'same-site', '', 'Same-Origin', 'none, none', 'unheard-of'])
    t.equal(ask({ fetchSite }), 403, `Sec-Fetch-Site: ${fetchSite}`);
  for (const fetchSite of ['none', 'same-origin']) t.equal(ask({ fetchSite }), 200);
  t.end();
});

test('health and metrics are for every program, by whatever name, and for no page by a foreign one', (t) => {
  const { guard } = arrange({ token: undefined });
  const asking = { ...good, hosts: ['pod-7.example:4181'] };
  t.equal(guard.refuse(asking, 'everybody'), undefined);
  const browsers = [
    { origin: 'https://evil.example' },
    { fetchSite: 'same-origin' },
    { language: 'en' },
    { language: '' },
  ];
  for (const browser of browsers) {
    t.match(guard.refuse({ ...asking, ...browser }, 'everybody'), { status: 421 });
    t.equal(guard.refuse({ ...good, ...browser }, 'everybody'), undefined, 'by an address');
  }
  t.match(guard.refuse({ ...asking, hosts: ['a', 'b'] }, 'everybody'), { status: 400 });
  t.end();
});

test('another token counts from the moment that it is given', (t) => {
  const { guard, ask } = arrange();
  guard.use('another-token-of-admin');
  t.equal(ask(), 401);
  t.equal(ask({ authorization: 'Bearer another-token-of-admin' }), 200);
  guard.use(undefined);
  t.equal(ask({ authorization: 'Bearer another-token-of-admin' }), 403);
  t.end();
});
