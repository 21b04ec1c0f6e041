import { test } from 'tap';
import { compileNoProxy } from '../../src/egress/no-proxy.ts';
import { parseProxy, proxySecrets } from '../../src/egress/proxy.ts';
import { compileWay, readEgress, staysHere, wrongNames } from '../../src/egress/rules.ts';

const excepted = (noProxy: string, ...addresses: string[]) =>
  addresses.map((address) => compileNoProxy(noProxy)(new URL(address)));

test('NO_PROXY: a name is itself and what is below it, with or without a dot or a star in front', async (t) => {
  const addresses = [
    'https://corp.test',
    'https://id.corp.test',
    'https://a.b.corp.test',
    'https://notcorp.test',
  ];
  for (const spelling of [
    'corp.test',
    '.corp.test',
    '*.corp.test',
    'CORP.test',
    'corp.test.',
    ' x,  corp.test ,',
  ])
    t.strictSame(excepted(spelling, ...addresses), [true, true, true, false], spelling);
  t.strictSame(excepted('corp.test', 'https://ID.Corp.Test./', 'https://corp.test.evil.test'), [true, false]);
  t.strictSame(excepted('', 'https://corp.test', 'https://10.0.0.1'), [false, false]);
  t.strictSame(excepted('.', 'https://corp.test'), [false], 'nothing but a dot is no name');
  t.strictSame(excepted('*', 'https://corp.test', 'https://[2001:db8::1]'), [true, true]);
  t.strictSame(excepted('a.test b.test\tc.test', 'https://b.test', 'https://c.test'), [true, true]);
});

test('NO_PROXY: whatever stands in it, it is read', async (t) => {
  t.strictSame(excepted('fe80::1%eth0', 'http://[fe80::1]', 'http://[fe80::2]'), [true, false], 'a zone');
  const odd = ['[fe80::1%eth0]', '[::1%1]:8', '[zz]', 'a:b:c', '.', '*.', '%', '::::', '1.2.3.4/33', '/'];
  for (const entry of odd) t.strictSame(excepted(entry, 'https://id.example.com'), [false], entry);
});

test('NO_PROXY: ports, addresses and networks', async (t) => {
  t.strictSame(
    excepted(
      'corp.test:8443,other.test:443',
      'https://corp.test',
      'https://corp.test:8443',
      'https://other.test',
    ),
    [false, true, true],
    'the port of a scheme counts where the address has none',
  );
  t.strictSame(
    excepted(
      '10.1.0.0/16, 192.0.2.7',
      'http://10.1.2.3',
      'http://10.2.2.3',
      'http://192.0.2.7',
      'http://192.0.2.70',
    ),
    [true, false, true, false],
  );
  t.strictSame(
    excepted('2001:db8::/32,[fd00::1]:8080,::ffff', 'http://[2001:db8:1::5]', 'http://[2001:db9::5]'),
    [true, false],
  );
  t.strictSame(
    excepted('[fd00:0::1]:8080', 'http://[fd00::1]:8080', 'http://[fd00::1]:8081'),
    [true, false],
    'in any spelling of the address',
  );
  t.strictSame(excepted('fd00:0:0::1', 'http://[fd00::1]:8081'), [true]);
  t.strictSame(excepted('2.7', 'http://192.0.2.7'), [false], 'an address has no parents');
  t.strictSame(excepted('10.0.0.0/8', 'http://0x0a000001/', 'http://10.corp.test/'), [true, false]);
});

test('a small name wins over a large one, and one that is set to nothing is set', async (t) => {
  const way = (env: NodeJS.ProcessEnv, address: string) =>
    compileWay(readEgress(env))(new URL(address))?.name;
  t.equal(way({ HTTPS_PROXY: 'http://a.test:3128' }, 'https://id.test'), 'http://a.test:3128');
  t.equal(
    way({ HTTPS_PROXY: 'http://a.test', https_proxy: 'b.test:81' }, 'https://id.test'),
    'http://b.test:81',
  );
  t.equal(way({ HTTPS_PROXY: 'http://a.test', https_proxy: '' }, 'https://id.test'), undefined);
  t.equal(way({ HTTP_PROXY: 'http://a.test' }, 'https://id.test'), undefined, 'each for its own scheme');
  t.equal(way({ HTTP_PROXY: 'https://a.test' }, 'http://id.test'), 'https://a.test:443');
  t.equal(way({ HTTPS_PROXY: 'http://a.test', no_proxy: 'id.test' }, 'https://id.test'), undefined);
});

test('what is on this machine is never asked through a proxy of the environment', async (t) => {
  const way = compileWay(readEgress({ HTTP_PROXY: 'http://a.test', HTTPS_PROXY: 'http://a.test' }));
  for (const here of [
    'http://localhost:1',
    'https://127.0.0.1',
    'http://127.9.9.9',
    'http://[::1]/',
    'http://2130706433/',
  ])
    t.equal(way(new URL(here)), undefined, here);
  t.ok(way(new URL('http://localhost.evil.test')));
  t.ok(way(new URL('http://127.0.0.1.evil.test')));
});

test('plain http to loopback is nobody else’s only if no other machine is on the way', async (t) => {
  const here = new URL('http://127.0.0.1:8080');
  t.ok(staysHere(here, undefined));
  t.ok(staysHere(here, readEgress({ HTTP_PROXY: 'http://proxy.test:3128' })));
  t.ok(staysHere(here, { fixed: 'off' }));
  t.ok(staysHere(here, { fixed: 'http://127.0.0.1:3128' }));
  t.notOk(staysHere(here, { fixed: 'http://proxy.test:3128' }), 'that is the loopback of another');
  t.notOk(staysHere(new URL('http://id.test'), { fixed: 'http://127.0.0.1:3128' }));
});

test('addresses of proxies: with credentials, without a scheme, and what is none', async (t) => {
  t.match(parseProxy('http://proxy.test:3128'), { host: 'proxy.test', port: 3128, authorization: undefined });
  t.match(parseProxy('proxy.test'), { name: 'http://proxy.test:80' });
  t.match(parseProxy('https://[2001:db8::1]'), { host: '2001:db8::1', port: 443, isSecure: true });
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  t.equal(parseProxy('http://u:p%40ss%3A@proxy.test')?.authorization, basic('u:p@ss:'));
  t.equal(parseProxy('http://token@proxy.test')?.authorization, basic('token:'));
  t.equal(parseProxy('http://:pass@proxy.test')?.authorization, basic(':pass'));
  t.equal(parseProxy('http://u:p@proxy.test')?.name, 'http://proxy.test:80', 'its name has none of them');
  for (const wrong of [
    'socks5://proxy.test',
    'http://proxy.test/path',
    'http://proxy.test?x',
    'http://',
    'http://u:%zz@p.test',
    'http://a%3Ab:c@p.test',
    'http://pro xy.test',
  ])
    t.equal(parseProxy(wrong), undefined, wrong);
  t.strictSame(proxySecrets('http://u:s3cret%21@proxy.test'), [basic('u:s3cret!').slice(6), 's3cret!']);
  t.strictSame(proxySecrets('http://t0ken@proxy.test'), [basic('t0ken:').slice(6), 't0ken']);
  t.strictSame(wrongNames({ HTTPS_PROXY: 'socks5://x', http_proxy: 'proxy:3128', NO_PROXY: '::::' }), [
    'HTTPS_PROXY',
  ]);
});
