import { posix } from 'node:path';
import { type Test, test } from 'tap';
import { spellings } from '../routes/spellings.ts';
import { startApache } from '../support/applications/apache.ts';
import type { Application } from '../support/applications/application.ts';
import { startNginx } from '../support/applications/nginx.ts';
import { startPythonServer } from '../support/applications/python.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { readAnswers, sendRaw } from '../support/raw.ts';
import type { Echo } from '../support/upstream.ts';

const secret = 'the protected resource';
const files = {
  'admin/secret.txt': secret,
  'admin/index.html': secret,
  'open.txt': 'open',
  'x/y/open.txt': 'open',
};

/** Ways in which programs find out what a request asks for; each is common, and each is naive somewhere. */
const readers: ((url: string) => string)[] = [
  (url) => url.split('?')[0] ?? '',
  (url) => new URL(url, 'http://app').pathname,
  (url) => decodeURIComponent(new URL(url, 'http://app').pathname),
  (url) => posix.normalize(decodeURIComponent(url.split('?')[0] ?? '')),
  (url) => posix.normalize(decodeURIComponent(url)).split('?')[0] ?? '',
  (url) => posix.normalize(decodeURIComponent(decodeURIComponent(url))),
  (url) => posix.normalize(decodeURIComponent(url).replaceAll('\\', '/')),
  (url) => posix.normalize(url.replace(/;[^/]*/g, '')),
  (url) => decodeURIComponent(url).replace(/\0.*/s, ''),
];

/** Gives the secret to whoever gets to /admin in the eyes of any reader. */
async function startNode(t: Test): Promise<Pick<Application, 'url'>> {
  return arrangeUpstream(t, ({ url = '' }, response) => {
    const seen = readers.map((read) => {
      try {
        return read(url);
      } catch {
        return '';
      }
    });
    response.end(seen.some((path) => /^\/+admin(\/|$)/.test(path)) ? secret : 'open');
  });
}

const upstreams: Record<string, (t: Test) => Promise<Pick<Application, 'url'>>> = {
  nginx: (t) => stopping(t, startNginx(files)),
  Apache: (t) => stopping(t, startApache({}, files)),
  'a Node server': startNode,
  Python: (t) => stopping(t, startPythonServer(files)),
};

async function stopping(t: Test, started: Promise<Application>): Promise<Application> {
  const application = await started;
  t.teardown(() => application.stop());
  return application;
}

/** Asks with bytes as they are; gives what came back. */
const ask = (url: string, target: string, host = new URL(url).host) =>
  sendRaw(url, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

const targets = spellings.flatMap((spelling) => [
  spelling,
  `${spelling}/secret.txt`,
  `${spelling}/../admin/`,
]);

for (const [name, start] of Object.entries(upstreams)) {
  test(`in front of ${name}, none of ${targets.length} spellings gets a protected resource`, async (t) => {
    t.ok(spellings.length >= 80);
    const upstream = await start(t);
    const allowed = { path: '/', upstream: upstream.url, allow: 'public' };
    const routes = [allowed, { path: '/admin', upstream: upstream.url, unauthenticated: '401' }];
    const gateway = await startTestGateway({ config: { routes } });
    t.teardown(() => gateway.close());

    const direct: string[] = [];
    const through: string[] = [];
    const statuses = new Map<number, number>();
    for (const target of targets) {
      if ((await ask(upstream.url, target)).includes(secret)) direct.push(target);
      const answer = await ask(gateway.url, target);
      if (answer.includes(secret)) through.push(target);
      const status = readAnswers(answer)[0]?.status ?? 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    t.comment(
      `${direct.length} of ${targets.length} get it without the gateway`,
      Object.fromEntries(statuses),
    );
    t.ok(direct.length > 5, 'they are real attacks');
    t.strictSame(through, [], 'not one gets it through the gateway');
    t.strictSame(
      [...statuses.keys()].filter((status) => status >= 500 || status === 0),
      [],
      'and none is a fault',
    );
    t.match(await ask(gateway.url, '/open.txt'), /^HTTP\/1\.1 200 .*open$/s);
  });
}

test('the log says which token made a path ambiguous, and the answer does too', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url, allow: 'public' },
    { path: '/admin', upstream: upstream.url, unauthenticated: '401' },
  ];
  const gateway = await startTestGateway({ config: { routes } });
  t.teardown(() => gateway.close());
  const reasons: [target: string, reason: RegExp][] = [
    ['/admin%2fx', /^%2f can be read in several ways/],
    ['/admin;v=1', /^; can be read in several ways/],
    ['/admin%FF', /^%FF can be read in several ways/],
    ['/ADMIN', /^ADMIN is a place of another rule/],
    ['/x/%2e%2e/y', /^The segment that ends at .* may be read as \. or \.\./],
    ['/x%zz', /^%zz is not an escape/],
  ];
  for (const [target, reason] of reasons) {
    const before = gateway.log.lines.length;
    const answer = readAnswers(await ask(gateway.url, `${target}?q=secret`))[0];
    t.equal(answer?.status, 400, target);
    const line = await gateway.log.line(
      ({ code }) => code === 'ambiguous_path' && gateway.log.lines.length > before,
    );
    const [last = line] = gateway.log.lines.slice(before).filter(({ code }) => code === 'ambiguous_path');
    t.match(last.reason, reason, target);
    t.equal(last['path'], target, 'for explain, without the query');
    t.match(answer?.body, /can be read|may be read|not an escape|another rule/, target);
  }
});

test('a host of its own rule is that host in every spelling, and a host that is not ours is nobody’s', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url, allow: 'public' },
    { host: 'secret.example', path: '/', upstream: upstream.url, unauthenticated: '401' },
    { host: '*.secret.example', path: '/', upstream: upstream.url, unauthenticated: '401' },
  ];
  const gateway = await startTestGateway({ config: { routes } });
  t.teardown(() => gateway.close());
  const own = new URL(gateway.url).host;
  const status = async (target: string, host: string) =>
    readAnswers(await ask(gateway.url, target, host))[0]?.status;

  for (const host of [
    'secret.example',
    'SECRET.Example',
    'secret.example.',
    'secret.example:80',
    'Secret.Example.:8443',
    'a.secret.example',
    'a.b.SECRET.example.',
  ]) {
    t.equal(await status('/', host), 401, host);
  }
  for (const host of [
    'notsecret.example',
    'secret.example.evil.org',
    'secret.example..',
    'secret%2eexample',
    '[::1]',
    '[::ffff:127.0.0.1]:80',
    '0177.0.0.1',
    '2130706433',
  ]) {
    t.equal(await status('/', host), 421, host);
  }
  for (const host of [
    '',
    '[::1',
    'a b',
    'secret.example/',
    'x@secret.example',
    'secret.example:80:80',
    'a,b',
    '"a"',
  ]) {
    const given = await status('/', host);
    t.ok(given === 400 || given === 421, `${JSON.stringify(host)}: ${given}`);
  }
  t.equal(await status('http://secret.example/', own), 400, 'the two places name two hosts');
  t.equal(await status(`http://${own}/`, 'secret.example'), 400);
  t.equal(await status('http://secret.example/', 'secret.example'), 401, 'absolute form');
  t.equal(await status('HTTP://SECRET.example:80/', 'secret.example:80'), 401);
  t.equal(await status(`http://${own}/x`, own), 200);
  for (const target of [
    'secret.example:80',
    '*',
    'ftp://secret.example/',
    'http:///x',
    '//',
    `${own}/`,
    'x',
  ]) {
    const given = await status(target, own);
    t.ok(given === 400 || target === '//', `${target}: ${given}`);
  }
  const two = await sendRaw(
    gateway.url,
    `GET / HTTP/1.1\r\nHost: ${own}\r\nHost: secret.example\r\nConnection: close\r\n\r\n`,
  );
  t.equal(readAnswers(two)[0]?.status, 400);
  t.notOk(
    upstream.requests.some(({ rawHeaders }) => rawHeaders.some((value) => /secret/i.test(value))),
    'nothing of that reached the application',
  );
});

test('a host of an IPv6 literal is served by that name', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url, allow: 'public' },
    { host: '[::1]', path: '/admin', upstream: upstream.url, unauthenticated: '401' },
  ];
  const gateway = await startTestGateway({ config: { routes } });
  t.teardown(() => gateway.close());
  const status = async (target: string, host: string) =>
    readAnswers(await ask(gateway.url, target, host))[0]?.status;
  t.equal(await status('/admin', '[::1]'), 401);
  t.equal(await status('/admin', '[::1]:8443'), 401);
  t.equal(await status('/x/../admin', '[::1]'), 400);
  t.equal(await status('/open', '[::1]'), 200);
});

test('legitimate odd paths arrive byte for byte', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url, allow: 'public' },
    { path: '/admin', upstream: upstream.url },
  ];
  const gateway = await startTestGateway({ config: { routes } });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  const odd = [
    '/a%20b',
    '/caf%C3%A9',
    '/a%2Fb',
    '/a%2fb%5Cc',
    '/projects/a%2Fb',
    '/caf%E4',
    '/%B0%D4%BD%C3%C6%C7',
    '/%C0%AF%C0%FA',
    '/wiki/U.S.',
    '/wiki/.NET',
    '/wiki/...',
    '/50%25',
    '/wiki/Main_Page',
    '/a//b',
    '/..b/...',
    '/.well-known/x',
    '/a;v=1/b;w',
    '/What%3F',
    '/C%23',
    '/x%252Fy',
    "/!$&'()*+,;=:@~_-.",
    '/[a]{b}|c^`"<>',
    '/administrators',
    '/x?y=/../admin&z=%2e%2e',
    '/x??a=1&a=2&&b=%20+%zz',
    '/x?',
    '/?//admin',
  ];
  for (const path of odd) {
    const answer = await client.get(gateway.url + path);
    t.equal(answer.status, 200, path);
    t.equal((answer.json() as Echo).url, path);
  }
  // What would be a place of the other rule to some servers.
  const refused = [
    '/a/./b/../c',
    '/100%',
    '/%zz%4',
    '/Admin',
    '/admin;v=1',
    '/admin%2fx',
    '/admin%20',
    '/admin.',
  ];
  for (const path of refused) t.equal((await client.get(gateway.url + path)).status, 400, path);
});

test('where one rule is for all, everything arrives byte for byte', async (t) => {
  const upstream = await arrangeUpstream(t);
  const routes = [{ path: '/', upstream: upstream.url, allow: 'public' }];
  const gateway = await startTestGateway({ config: { routes } });
  t.teardown(() => gateway.close());
  const targets = [
    '/a/./b/../c',
    '/100%',
    '/%zz%4',
    '/Admin',
    '/a//b',
    '/a;v=1/b',
    '/x%2f..%2fy',
    '/a\\b',
    '//x/y',
  ];
  for (const target of targets) {
    const answer = readAnswers(await ask(gateway.url, target))[0];
    t.equal(answer?.status, 200, target);
  }
  t.strictSame(
    upstream.requests.map(({ url }) => url),
    targets,
  );
  for (const target of [
    '/x/../oauth2/start',
    '/x/..%2foauth2',
    '/OAuth2/start',
    '/oauth2;x/start',
    '/oauth2%2fstart',
  ]) {
    t.equal(readAnswers(await ask(gateway.url, target))[0]?.status, 400, target);
  }
});
