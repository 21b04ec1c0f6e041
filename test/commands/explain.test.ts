import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { explain } from '../../src/commands/explain.ts';

const text = `publicUrl: https://app.example.com
provider: { issuer: "https://id.example.com", clientId: a, clientSecret: s3cret }
session: { secret: ${Buffer.alloc(32, 1).toString('base64')} }
routes:
  - { path: /, upstream: "http://legacy:8080" }
  - { path: /open, upstream: "http://legacy:8080", allow: public }
  - { path: /admins, upstream: "http://legacy:8080", allow: [{ groups: admins }, { networks: 10.0.0.0/8 }] }
headers: { X-Name: "{claims.name}" }
`;

test('explain says the route, the rule, the decision with its reason, and the headers with tokens masked', async (t) => {
  const folder = t.testdir({
    'c.yaml': text,
    'ada.json': '{"sub":"ada","groups":["admins"],"name":"Zoë","email":"ada@example.com","secret":"x"}',
    'grace.json': '{"sub":"grace","groups":["staff"]}',
  });
  const ask = (url: string, as?: string, from = '127.0.0.1') =>
    explain('GET', url, { config: join(folder, 'c.yaml'), from, ...(as && { as: join(folder, as) }) });

  t.match(
    ask('/x'),
    /^route {5}\/ -> http:\/\/legacy:8080\nallow {5}signed-in\ndecision {2}login: not signed in/,
  );
  t.match(ask('/open/x'), 'decision  allow: the route is public');
  t.match(
    ask('/admins', 'grace.json'),
    'decision  deny (not_allowed): none holds: allow[0].groups, allow[1].networks',
  );
  t.match(ask('/admins', undefined, '10.1.2.3'), 'decision  allow: allow[1] holds');
  const allowed = ask('https://app.example.com/admins?x=1', 'ada.json');
  t.match(allowed, 'decision  allow: allow[0] holds');
  t.match(allowed, 'header    host: legacy:8080');
  t.match(allowed, 'header    Authorization: Bearer ***');
  t.match(allowed, 'header    X-Forwarded-User: ada');
  t.match(allowed, 'header    X-Forwarded-Groups: admins');
  t.match(allowed, 'header    X-Name: Zo%C3%AB');
  t.match(ask('/open/../admins'), 'refused   400 ambiguous_path');
  t.match(
    ask('/Admins'),
    /Admins is a place of another rule to those who ignore .*\n {10}it passes with paths\.ignoreCase: true,/,
  );
  t.match(
    ask('/admins;v=1'),
    /; can be read in several ways.*\n {10}it passes with paths\.parameters: strip,/,
  );
  t.match(ask('/admins%2fx'), /%2f can be read in.*\n {10}it passes with paths\.encodedSlash: separator,/);
  t.match(ask('/Admins%2Fx'), 'it passes with paths.ignoreCase: true, paths.encodedSlash: separator,');
  t.match(ask('/admins%00'), /%00 can be read in several ways, and they are places of different rules\.$/);
  t.match(ask('https://evil.example/'), 'refused   421 unknown_host');
  t.match(ask('/oauth2/start'), 'endpoint  /oauth2/start');
});

test('with tracing the application is told of a trace, and not of that of the client', async (t) => {
  const folder = t.testdir({ 'off.yaml': text, 'on.yaml': `${text}tracing: on\n` });
  const ask = (file: string) =>
    explain('GET', '/open/x', {
      config: join(folder, file),
      from: '127.0.0.1',
      header: ['TraceParent: theirs', 'tracestate: theirs'],
    });
  t.match(ask('off.yaml'), 'header    TraceParent: theirs');
  t.match(ask('on.yaml'), 'header    traceparent: ***');
  t.notMatch(ask('on.yaml'), 'theirs');
});

test('with --bearer the claims are those of an access token', async (t) => {
  const folder = t.testdir({
    'c.yaml': `publicUrl: https://app.example.com
bearer: [{ issuer: "https://id.example.com", audience: api, claims: { groups: roles } }]
routes:
  - { path: /, upstream: "http://legacy:8080" }
  - { path: /write, upstream: "http://legacy:8080", allow: [{ scope: write, groups: staff }] }
`,
    'robot.json': '{"sub":"robot","roles":["staff"],"scope":"read"}',
    'writer.json': '{"iss":"https://id.example.com","sub":"writer","roles":["staff"],"scp":["read","write"]}',
    'other.json': '{"iss":"https://other.example","sub":"robot"}',
  });
  const ask = (url: string, as: string) =>
    explain('GET', url, { config: join(folder, 'c.yaml'), as: join(folder, as), bearer: true, from: '::1' });
  t.match(ask('/', 'robot.json'), 'decision  allow: signed in');
  t.match(ask('/', 'robot.json'), 'header    X-Forwarded-User: robot');
  t.match(ask('/write', 'robot.json'), 'decision  deny (insufficient_scope): none holds: allow[0].scope');
  t.match(ask('/write', 'writer.json'), 'decision  allow: allow[0] holds');
  t.match(ask('/', 'other.json'), 'decision  deny (not_signed_in)');
});

test('a token that is bound to the gateway goes to no application', async (t) => {
  const bound = text.replace('clientSecret: s3cret', 'clientSecret: s3cret, dpop: true');
  const folder = t.testdir({ 'c.yaml': bound, 'ada.json': '{"sub":"ada"}' });
  const told = explain('GET', '/x', {
    config: join(folder, 'c.yaml'),
    as: join(folder, 'ada.json'),
    from: '::1',
  });
  t.match(told, 'header    X-Forwarded-User: ada');
  t.notMatch(told, 'Authorization');
});

test('claims that are no object are refused with an example', async (t) => {
  const folder = t.testdir({ 'c.yaml': text });
  writeFileSync(join(folder, 'list.json'), '[]');
  t.throws(
    () => explain('GET', '/', { config: join(folder, 'c.yaml'), as: join(folder, 'list.json'), from: '::1' }),
    { message: /has to hold an object of claims/ },
  );
});

test('headers of the request decide what depends on them; without any, what they would change is said', async (t) => {
  const routes = `routes:
  - { path: /, upstream: "http://legacy:8080" }
  - { path: /api, upstream: "http://api:3000", csrf: header, preflight: pass }
`;
  const folder = t.testdir({
    'c.yaml': text.replace(/routes:[\s\S]*(?=headers:)/, routes),
    'ada.json': '{"sub":"ada"}',
  });
  const ask = (method: string, url: string, header: string[] = [], as?: string) =>
    explain(method, url, {
      config: join(folder, 'c.yaml'),
      from: '::1',
      header,
      ...(as && { as: join(folder, as) }),
    }).split('\n');

  t.match(ask('GET', '/x').slice(2), [
    'decision  login: not signed in: sent to the login',
    '          no browser that goes to a page: deny (not_signed_in): not signed in',
  ]);
  t.equal(ask('GET', '/x', ['Accept: */*'])[2], 'decision  deny (not_signed_in): not signed in');
  const navigation = ['Accept: text/html', 'Sec-Fetch-Mode: navigate'];
  t.equal(ask('GET', '/x', navigation)[2], 'decision  login: not signed in: sent to the login');
  t.equal(ask('POST', '/x')[2], 'decision  deny (not_signed_in): not signed in');
  t.match(ask('OPTIONS', '/api').slice(2), [
    'decision  deny (not_signed_in): not signed in',
    '          a CORS preflight: allow: a CORS preflight, which the route lets pass',
  ]);
  t.match(ask('POST', '/api', [], 'ada.json').slice(2), [
    /^decision {2}deny \(forgery_header_missing\)/,
    '          with X-Requested-With: allow: signed in',
  ]);
  const sent = ask(
    'POST',
    '/api',
    ['X-Requested-With: x', 'X_Forwarded_User: root', 'Cookie: a=b; sallyport=c'],
    'ada.json',
  );
  t.ok(sent.includes('header    X-Requested-With: x'), 'the headers of the request go along');
  t.notOk(sent.join().includes('root'), 'but for those that nobody may bring');
  t.throws(() => ask('GET', '/', ['no header']), { message: /a name, a colon and a value/ });
});

test('passwords and methods that are never forwarded', async (t) => {
  const basicAuth = 'basicAuth: { username: "{claims.sub}", password: s3cret-pass }';
  const folder = t.testdir({
    'c.yaml': text.replace(
      'upstream: "http://legacy:8080" }',
      `upstream: "http://legacy:8080", ${basicAuth} }`,
    ),
    'ada.json': '{"sub":"ada"}',
  });
  const options = { config: join(folder, 'c.yaml'), from: '::1', as: join(folder, 'ada.json') };
  const allowed = explain('GET', '/x', options);
  t.match(allowed, 'header    Authorization: Basic ***');
  t.notMatch(allowed, Buffer.from('ada:s3cret-pass').toString('base64'));
  t.equal(
    explain('TRACE', '/x', options),
    'refused   405 method_not_allowed: This method is not allowed here.',
  );
  t.match(explain('get', 'https://app.example.com?x=1', options), 'route     / ->', 'a query without a path');
});

test('explain says that the gateway answers the preflights of origins in cors', async (t) => {
  const folder = t.testdir({
    'c.yaml': text.replace(
      'routes:\n',
      'routes:\n  - { path: /spa, upstream: "http://spa:8080", cors: ["https://spa.example.com"] }\n',
    ),
  });
  const ask = (origin: string) =>
    explain('OPTIONS', '/spa/x', {
      config: join(folder, 'c.yaml'),
      from: '127.0.0.1',
      header: [`Origin: ${origin}`, 'Access-Control-Request-Method: POST'],
    });
  t.match(ask('https://spa.example.com'), 'the gateway answers this CORS preflight by itself: 204');
  t.notMatch(ask('https://evil.example'), '204');
});

test('of a route in maintenance it says so, and what would be without it', async (t) => {
  const routes = text.replace('/open, upstream', '/open, maintenance: Soon., upstream');
  const folder = t.testdir({ 'c.yaml': routes });
  const told = explain('GET', '/open/x', { config: join(folder, 'c.yaml'), from: '127.0.0.1' });
  t.match(told, /now {7}503 maintenance, whoever asks; without it:\ndecision {2}allow: the route is public/);
});
