import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Test } from 'tap';
import { handshake } from '../attack/handshake.ts';
import { openRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { largeBytes, type TerminatorScene } from './scene.ts';

/** What a front of this version cannot do; browsers go on without it. */
export interface Limits {
  /** WebSockets over HTTP/2 (RFC 8441): browsers open an HTTP/1.1 connection for them. */
  noExtendedConnect?: boolean;
  /** It answers 400 by itself to a client that names headers of proxies in `Connection`. */
  refusesForgedConnection?: boolean;
}

/** Everything that people do all day, and what some try, through a front that ends TLS. */
export async function checkTerminator(t: Test, scene: TerminatorScene, limits: Limits = {}): Promise<void> {
  const rows: [string, (t: Test, scene: TerminatorScene) => Promise<void>][] = [
    [
      'the application sees where a request came from, whatever the client says',
      (t) => forwarded(t, scene, limits),
    ],
    ['the answers of the gateway arrive as they are', answers],
    ['a session of several cookies, and 50 KB of cookies, pass over HTTP/1.1 and HTTP/2', cookies],
    ['20 MB go up and come down', bodies],
    ['events arrive one by one', events],
    ['a WebSocket opens over HTTP/1.1', webSocket],
    ['the endpoints for proxies give no token to a page', asking],
  ];
  for (const [name, row] of rows) await t.test(name, (t) => row(t, scene));
  await t.test('a WebSocket opens over HTTP/2', (t) => extendedConnect(t, scene, limits));
}

const forged = {
  'x-forwarded-for': '10.0.0.1',
  'x-real-ip': '10.0.0.1',
  'x-client-ip': '10.0.0.1',
  forwarded: 'for=10.0.0.1;host=forged.example',
  'x-forwarded-host': 'forged.example',
  'x-forwarded-port': '10001',
  'x-forwarded-proto': 'forged',
  'x-forwarded-prefix': '/forged',
  'x-forwarded-uri': '/forged',
  'x-forwarded-server': 'forged.example',
  'x-forwarded-client-cert': 'Subject=forged',
  'x-forwarded-user': 'forged',
  x_forwarded_user: 'forged',
  'x-original-url': '/forged',
  'x-request-id': 'forged',
};

async function forwarded(
  t: Test,
  { url, host, client, stranger }: TerminatorScene,
  { refusesForgedConnection }: Limits,
): Promise<void> {
  const names = Object.keys(forged).join(', ');
  for (const connection of ['keep-alive', `close, ${names}`]) {
    const answer = await client.get(`${url}/page?x=%20y`, { ...forged, connection });
    if (refusesForgedConnection && connection !== 'keep-alive') {
      t.equal(answer.status, 400);
      continue;
    }
    const { rawHeaders, url: target } = answer.json() as Echo;
    t.equal(target, '/page?x=%20y');
    t.strictSame(valuesOf(rawHeaders, 'x-forwarded-for'), ['127.0.0.1, 127.0.0.1']);
    t.strictSame(valuesOf(rawHeaders, 'x-forwarded-host'), [host]);
    t.strictSame(valuesOf(rawHeaders, 'x-forwarded-port'), [new URL(url).port]);
    t.strictSame(valuesOf(rawHeaders, 'x-forwarded-proto'), ['https']);
    t.strictSame(valuesOf(rawHeaders, 'x-forwarded-user'), ['ada']);
    const text = JSON.stringify(rawHeaders.filter((_, at) => at % 2 === 1));
    t.notMatch(text, /forged|10\.0\.0\.1/, `nothing of what was forged, with Connection: ${connection}`);
    const office = await stranger().get(`${url}/office`, { ...forged, connection });
    t.equal(office.status, 403, 'a rule on networks sees the client');
  }
}

async function answers(t: Test, { url, client, stranger }: TerminatorScene): Promise<void> {
  const call = await stranger().get(`${url}/`, { accept: 'application/json' });
  t.match(call, { status: 401, headers: { 'content-type': /^application\/problem\+json/ } });
  t.equal(call.headers['x-sallyport-error'], 'not_signed_in');
  t.match(call.headers['www-authenticate'], /^Bearer/);
  const page = await client.navigate(`${url}/office`);
  t.match(page, { status: 403, headers: { 'content-type': /^text\/html/ } });
  t.match(page.headers['content-security-policy'], /default-src 'none'/);
  const login = await stranger().navigate(`${url}/deep?x=1`);
  t.equal(login.status, 302);
  t.match(login.setCookies.join(), /__Host-sallyport-login/);
}

/** A header of 50 KB: the session's own cookies, and some of an application. */
function manyCookies({ client, url }: TerminatorScene): { all: string[]; mine: string } {
  const session = (client.cookies.headerFor(url) ?? '')
    .split('; ')
    .filter((cookie) => cookie.startsWith('__Host-sallyport'));
  const length = session.join('; ').length;
  const others: string[] = [];
  for (let at = 0; others.join('; ').length + length < 50_000; at++)
    others.push(`c${at}=${'x'.repeat(3900)}`);
  return { all: [...session, ...others], mine: others.join('; ') };
}

async function cookies(t: Test, scene: TerminatorScene): Promise<void> {
  const { url, stranger } = scene;
  const { all, mine } = manyCookies(scene);
  t.ok(all.filter((cookie) => cookie.startsWith('__Host-')).length > 1, 'the session takes several');
  const seen = ({ rawHeaders }: Echo) => [
    valuesOf(rawHeaders, 'x-forwarded-user').join(),
    valuesOf(rawHeaders, 'cookie').join('; '),
  ];
  const answer = await stranger().get(`${url}/`, { cookie: all.join('; ') });
  t.equal(answer.status, 200);
  if (answer.status === 200) t.strictSame(seen(answer.json() as Echo), ['ada', mine]);
  const session = await openHttp2(scene);
  // Browsers send one field for each cookie (RFC 9113 §8.2.3).
  const { status, text } = await getHttp2(session, { ':path': '/', cookie: all });
  session.close();
  t.equal(status, 200, text.slice(0, 200));
  if (status === 200) t.strictSame(seen(JSON.parse(text) as Echo), ['ada', mine]);
}

async function bodies(t: Test, { url, client }: TerminatorScene): Promise<void> {
  const body = randomBytes(largeBytes);
  const sent = await client.request(`${url}/upload`, { method: 'POST', body });
  t.equal(sent.status, 200);
  t.equal((sent.json() as Echo).body.sha256, createHash('sha256').update(body).digest('hex'));
  const got = await client.get(`${url}/large`);
  t.equal(got.body.length, largeBytes);
}

async function events(t: Test, { url, client }: TerminatorScene): Promise<void> {
  const { answer, destroy } = await client.open(`${url}/events`);
  let text = '';
  answer.on('error', () => {});
  answer.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await until('the first event', () => text.includes('first'));
  t.notOk(answer.complete, 'while the stream goes on');
  destroy();
}

async function webSocket(t: Test, { url, host, ca, client, stranger }: TerminatorScene): Promise<void> {
  const cookie = client.cookies.headerFor(url);
  const connection = await openRaw(url, { ca });
  t.teardown(() => connection.destroy());
  connection.write(handshake(host, '/socket', [`Origin: ${url}`, `Cookie: ${cookie}`]));
  const head = await connection.until(/\r\n\r\n/);
  t.match(head, /^HTTP\/1\.1 101 .*X-Person: ada/is);
  connection.write('over the tunnel');
  t.ok(await connection.until('over the tunnel'));
  const foreign = await openRaw(url, { ca });
  t.teardown(() => foreign.destroy());
  foreign.write(handshake(host, '/socket', ['Origin: https://evil.example', `Cookie: ${cookie}`]));
  t.match(await foreign.until(/\r\n\r\n/), /^HTTP\/1\.1 403 /, 'another site opens none');
  const refused = await stranger().get(`${url}/`, { connection: 'Upgrade', upgrade: 'h2c' });
  t.equal(refused.status, 401, 'and other upgrades are not taken up');
}

async function extendedConnect(
  t: Test,
  scene: TerminatorScene,
  { noExtendedConnect }: Limits,
): Promise<void> {
  const { client, url, host } = scene;
  const session = await openHttp2(scene);
  t.teardown(() => session.destroy());
  t.equal(session.remoteSettings.enableConnectProtocol, !noExtendedConnect, 'as the front says');
  if (noExtendedConnect) return;
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'https',
    ':authority': host,
    ':path': '/socket',
    'sec-websocket-version': '13',
    origin: url,
    cookie: client.cookies.headerFor(url),
  });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  t.equal(headers[':status'], 200);
  t.equal(headers['x-person'], 'ada');
  stream.write('over the tunnel');
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await until('what was sent comes back', () => text === 'over the tunnel');
  stream.close();
}

const spellings = [
  '/oauth2/auth',
  '/oauth2/auth/',
  '/oauth2/forward-auth',
  '/oauth2/forward-auth/page',
  '/oauth2/forward-auth?x=/page',
  '/oauth2/forward-auth;x/page',
  '/oauth2/%66orward-auth/page',
  '/oauth2/%61uth',
  '/%6fauth2/forward-auth/page',
  '/oauth2%2fforward-auth/page',
  '/OAUTH2/forward-auth/page',
  '//oauth2/forward-auth/page',
  '/oauth2//forward-auth/page',
  '/oauth2/./forward-auth/page',
  '/x/../oauth2/forward-auth/page',
  '/x/%2e%2e/oauth2/forward-auth/page',
  '/oauth2/x/..%2fforward-auth/page',
];

async function asking(t: Test, { url, host, ca, client }: TerminatorScene): Promise<void> {
  const names = {
    'x-forwarded-uri': '/page',
    'x-forwarded-host': host,
    'x-forwarded-method': 'GET',
    'x-original-url': `${url}/page`,
  };
  for (const path of spellings) {
    for (const headers of [{}, names, { ...names, connection: Object.keys(names).join(', ') }]) {
      const answer = await client.get(url + path, { 'sec-fetch-mode': 'cors', ...headers });
      t.equal(answer.headers.authorization, undefined, path);
      t.equal(answer.headers['x-forwarded-user'], undefined, path);
      t.ok(answer.status >= 400, `${path}: ${answer.status}`);
    }
  }
  // RFC 9112 §3.2.2: the whole address as the target.
  const cookie = client.cookies.headerFor(url);
  for (const scheme of ['https', 'http', 'HTTPS']) {
    for (const path of ['/oauth2/forward-auth/page', '//oauth2/forward-auth/page']) {
      const connection = await openRaw(url, { ca });
      const target = `${scheme}://${host}${path}`;
      connection.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\n\r\n`);
      const head = await connection.until(/\r\n\r\n/);
      connection.destroy();
      t.match(head, /^HTTP\/1\.1 4\d\d /, target);
      t.notMatch(head, /^authorization:/im, target);
    }
  }
}

async function openHttp2({ url, ca }: TerminatorScene): Promise<ClientHttp2Session> {
  const session = connect(url, { ca });
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  return session;
}

async function getHttp2(session: ClientHttp2Session, headers: OutgoingHttpHeaders) {
  const stream: ClientHttp2Stream = session.request(headers);
  let status = 0;
  stream.on('response', (answer) => {
    status = answer[':status'] ?? 0;
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { status, text: Buffer.concat(chunks).toString() };
}
