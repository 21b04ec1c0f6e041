import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { openRaw, readAnswers } from '../support/raw.ts';

async function arrange(t: Test) {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({
    provider,
    config: { routes: [{ path: '/', upstream: upstream.url }], trustedProxies: ['127.0.0.1'] },
  });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  const { host } = new URL(gateway.url);
  const cookie = client.cookies.headerFor(gateway.url) ?? '';
  /** Sends a question byte for byte. */
  const send = async (target: string, lines: readonly string[]) => {
    const connection = await openRaw(gateway.url);
    const head = [`GET ${target} HTTP/1.1`, `Host: ${host}`, `Cookie: ${cookie}`];
    connection.write(`${[...head, ...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
    await connection.closed();
    const [answer] = readAnswers(connection.received());
    return { status: answer?.status ?? 0, headers: Object.fromEntries(answer?.headers ?? []) };
  };
  const ask = (target: string, lines: readonly string[] = []) => {
    const below = /\/forward-auth\//.test(target) ? [] : ['X-Forwarded-Uri: /page'];
    return send(target, [...below, ...lines]);
  };
  const askAbout = (endpoint: string, path: string) => send(endpoint, [`X-Forwarded-Uri: ${path}`]);
  return { gateway, ask, askAbout, host };
}

/** Spellings that some reader takes for the endpoints that answer questions. */
const spellings = [
  '/oauth2/%61uth',
  '/oauth2/aut%68',
  '/oauth2/%2561uth',
  '/oauth2//auth',
  '//oauth2/auth',
  '/oauth2/./auth',
  '/oauth2/x/../auth',
  '/oauth2/x/%2e%2e/auth',
  '/oauth2%2fauth',
  '/oauth2/auth/',
  '/oauth2/auth/.',
  '/oauth2/auth%20',
  '/oauth2/auth;x',
  '/oauth2/auth%3Fx',
  '/oauth2/AUTH',
  '/OAUTH2/auth',
  '/oauth2\\auth',
  '/oauth2/%66orward-auth',
  '/oauth2/forward%2dauth',
  '/oauth2/x/../forward-auth/page',
  '/oauth2//forward-auth/page',
  '/oauth2/forward-auth%2fpage',
  '/oauth2/Forward-Auth',
];

test('a target that is not byte for byte that of an endpoint is no question, and gets no tokens', async (t) => {
  const { ask, host } = await arrange(t);
  t.equal((await ask('/oauth2/auth')).status, 202, 'the endpoint itself');
  t.equal((await ask('/oauth2/forward-auth')).status, 200);
  for (const target of [
    ...spellings,
    ...spellings.map((path) => `http://${host}${path}`),
    `http://${host}/oauth2/auth`,
  ]) {
    const { status, headers } = await ask(target);
    // Where the cases are told apart, this is a page of the application.
    if (!target.endsWith('/OAUTH2/auth')) t.ok(status >= 400 && status < 500, `${target}: ${status}`);
    t.same([headers.authorization, headers['x-forwarded-user']], [undefined, undefined], target);
  }
});

test('a question about anything below the prefix is never answered with yes', async (t) => {
  const { askAbout } = await arrange(t);
  const about = [
    '',
    '/',
    '?x',
    '/callback?code=x',
    '/userinfo',
    '/start',
    '/sign_out',
    '/none',
    '/auth',
    '/forward-auth/page',
  ];
  for (const path of [...about.map((rest) => `/oauth2${rest}`), ...spellings]) {
    for (const endpoint of ['/oauth2/auth', '/oauth2/forward-auth']) {
      const { status, headers } = await askAbout(endpoint, path);
      if (path === '/OAUTH2/auth') continue;
      t.ok(status >= 400 && status < 500, `${endpoint} about ${path}: ${status}`);
      t.equal(headers.authorization, undefined);
    }
  }
});

const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];

test('a question that carries Upgrade is answered as any', async (t) => {
  const { ask, gateway } = await arrange(t);
  const own = `Origin: ${gateway.url}`;
  for (const more of [
    [...upgrade, own],
    [...upgrade, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', own],
  ]) {
    t.equal((await ask('/oauth2/auth', more)).status, 202);
    const asked = await ask('/oauth2/forward-auth', more);
    t.equal(asked.status, 200);
    t.match(asked.headers, { authorization: /^Bearer /, 'x-forwarded-user': 'ada' });
    t.equal(
      (await ask('/oauth2/forward-auth/page', [...more, 'X-Forwarded-Method: GET'])).status,
      200,
      'Envoy',
    );
  }
  t.equal(
    (await ask('/oauth2/auth', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', own])).status,
    202,
  );
});

test('a question about a WebSocket is checked for its Origin, in every form that one comes in', async (t) => {
  const { ask, gateway } = await arrange(t);
  const forms = {
    'a handshake of HTTP/1.1': ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
    'Upgrade alone': ['Upgrade: websocket'],
    'Upgrade with Connection': ['Connection: Upgrade', 'Upgrade: WebSocket'],
    'extended CONNECT as an upgrade': upgrade,
    'extended CONNECT by its fields': ['Sec-WebSocket-Version: 13'],
    'extended CONNECT by its subprotocol': ['Sec-WebSocket-Protocol: chat'],
    'extended CONNECT by its method': ['X-Forwarded-Method: CONNECT'],
    'extended CONNECT by nginx’s name': ['X-Original-Method: connect'],
  };
  for (const [form, lines] of Object.entries(forms)) {
    for (const [endpoint, yes] of [
      ['/oauth2/auth', 202],
      ['/oauth2/forward-auth', 200],
    ] as const) {
      const foreign = await ask(endpoint, [...lines, 'Origin: https://evil.example']);
      t.equal(foreign.status, 403, `${form} from elsewhere`);
      t.equal(foreign.headers['x-sallyport-error'], 'cross_site', form);
      t.equal(foreign.headers.authorization, undefined);
      t.equal((await ask(endpoint, [...lines, 'Origin: null'])).status, 403, `${form} from a sandbox`);
      t.equal(
        (await ask(endpoint, [...lines, `Origin: ${gateway.url}`])).status,
        yes,
        `${form} from the site itself`,
      );
    }
  }
});

test('what the gateway publishes is for everybody to read, and a yes is for nothing more', async (t) => {
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({
    config: {
      trustedProxies: ['127.0.0.1'],
      bearer: [{ issuer: 'http://127.0.0.1:9', audience: 'app' }],
      routes: [{ path: '/', upstream: upstream.url, resource: 'http://127.0.0.1/mcp' }],
    },
    awaitProvider: false,
  });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  for (const [method, status] of [
    ['GET', 200],
    ['HEAD', 200],
    ['OPTIONS', 200],
    ['POST', 405],
    ['DELETE', 405],
  ] as const) {
    const headers = {
      'x-forwarded-method': method,
      'x-forwarded-uri': '/.well-known/oauth-protected-resource/mcp',
    };
    t.equal((await client.get(`${gateway.url}/oauth2/forward-auth`, headers)).status, status, method);
  }
});

test('over TLS too, a request that offers an upgrade is answered', async (t) => {
  const { certFile, keyFile, cert } = await makeCertificate();
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({
    awaitProvider: false,
    config: {
      publicUrl: 'https://localhost',
      listen: { address: '127.0.0.1:0', tls: { cert: certFile, key: keyFile } },
      trustedProxies: ['127.0.0.1'],
      routes: [{ path: '/', upstream: upstream.url, allow: 'public' }],
    },
  });
  t.teardown(() => gateway.close());
  const client = createClient({ ca: cert });
  t.teardown(() => client.close());
  for (const [path, headers, status] of [
    ['/page', { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAEA' }, 200],
    ['/oauth2/auth', { connection: 'Upgrade', upgrade: 'websocket', 'x-forwarded-uri': '/page' }, 202],
  ] as const) {
    const answer = await client.request(gateway.url + path, { headers: { host: 'localhost', ...headers } });
    t.equal(answer.status, status, path);
  }
});
