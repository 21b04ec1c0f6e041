import { test } from 'tap';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';

function read(upstream: unknown, more: Record<string, unknown> = {}) {
  const config = {
    publicUrl: 'https://app.example.com',
    ...more,
    routes: [{ path: '/', allow: 'public', upstream }],
  };
  return parseConfig(stringify(config), { file: 'sallyport.yaml', env: {} }).config;
}

/** What is said of an upstream that cannot be used: the place, and the sentence. */
function problems(upstream: unknown, more?: Record<string, unknown>): string[] {
  try {
    read(upstream, more);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path.slice(3).join('.')}: ${message}`);
  }
}

test('an address, a list of them and a map mean the same', (t) => {
  const [a, b] = ['http://a:1', 'http://b:2'];
  const upstreamOf = (given: unknown) => read(given).routes[0]?.upstream;
  t.strictSame(upstreamOf(a), upstreamOf({ targets: [a] }));
  t.strictSame(upstreamOf([a, b]), upstreamOf({ targets: [a, { url: b, weight: 1 }] }));
  t.strictSame(upstreamOf(`${a}/`), upstreamOf([a]));
  t.end();
});

test('what cannot be meant is refused at its place', (t) => {
  const targets = ['http://a:1'];
  const rows: [given: unknown, said: RegExp][] = [
    [[], /^: expected the address of the application/],
    [['http://a:1/path'], /^0: expected an http:\/\/ or https:\/\/ URL of host and port only/],
    [{ targets: [] }, /^targets: expected a list of targets/],
    [{ target: 'http://a:1' }, /did you mean routes\[0\]\.upstream\.targets\?/],
    [{ targets: [{ url: 'http://a:1', weight: 0 }] }, /^targets: expected a list with a target whose weight/],
    [
      { targets: [{ url: 'http://a:1', weight: -1 }] },
      /^targets\.0\.weight: expected a number from 0 to 1000/,
    ],
    [{ targets, balance: 'fastest' }, /^balance: expected one of round-robin/],
    [{ targets, eject: { statuses: ['99'] } }, /^eject\.statuses\.0: expected a status such as 503/],
    [{ targets, eject: { max: '101%' } }, /^eject\.max: expected a share such as 50%/],
    [{ targets, eject: { for: '0s' } }, /^eject\.for: expected a duration above 0/],
    [{ targets, retry: { attempts: 11 } }, /^retry\.attempts: expected a number from 0 to 10/],
    [{ targets, retry: { on: ['refused'] } }, /^retry\.on\.0: expected connect, closed, timeout/],
    [{ targets, retry: { on: ['closed'], for: '5s' } }, /^retry\.for: .*list `connect` in `on`/],
  ];
  for (const [given, said] of rows) t.match(problems(given).join('\n'), said, JSON.stringify(given));

  const sticky = (cookie: string) => ({ targets, sticky: { cookie } });
  const session = { secret: Buffer.alloc(32, 1).toString('base64') };
  t.match(problems(sticky('a b'), { session }).join(), /^sticky\.cookie: expected the name of a cookie/);
  t.match(problems(sticky('app')).join(), /this key is required: .*secret/, 'it is sealed');
  t.same(problems(sticky('__Host-app'), { session }), []);
  t.match(problems(sticky('__Host-app'), { session, publicUrl: 'http://127.0.0.1:1' }).join(), /https only/);
  for (const cookie of ['sallyport', '__host-Sallyport-x', 'sallyport.1'])
    t.match(problems(sticky(cookie), { session }).join(), /are for sessions and logins/, cookie);
  const named = { ...session, cookie: { name: '__Host-own' } };
  t.match(problems(sticky('__Host-own-target'), { session: named }).join(), /are for sessions and logins/);
  const twins = (second: string) => {
    const routes = [
      { path: '/', allow: 'public', upstream: sticky('app') },
      { path: '/x', allow: 'public', upstream: { targets: [second], sticky: { cookie: 'App' } } },
    ];
    return () =>
      parseConfig(stringify({ publicUrl: 'https://app.example.com', session, routes }), {
        file: 'sallyport.yaml',
        env: {},
      });
  };
  t.doesNotThrow(twins('http://a:1'));
  t.throws(twins('http://b:1'), /a cookie of this name for other targets/);
  t.end();
});
