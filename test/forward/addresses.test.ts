import { test } from 'tap';
import { compileAddresses } from '../../src/forward/addresses.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';

const publicOrigin = 'https://app.example.com';

/** Each address of an application, and what the browser has to ask for. */
const addresses: readonly [upstream: string, address: string, expected: string][] = [
  ['http://legacy', 'http://legacy:80/x', `${publicOrigin}/x`],
  ['http://legacy', 'http://legacy/x?y#z', `${publicOrigin}/x?y#z`],
  ['http://legacy', 'http://LEGACY/x', `${publicOrigin}/x`],
  ['http://legacy', 'HTTP://legacy', publicOrigin],
  ['http://legacy', 'http://legacy?x', `${publicOrigin}?x`],
  ['http://legacy:80', 'http://legacy/x', `${publicOrigin}/x`],
  ['http://legacy:8080', 'http://legacy:8080/x', `${publicOrigin}/x`],
  ['http://legacy:8080', 'https://legacy:8080/x', `${publicOrigin}/x`],
  ['http://legacy:8080', '//legacy:8080/x', `${publicOrigin}/x`],
  ['http://legacy', '//legacy/x', `${publicOrigin}/x`],
  ['https://legacy', 'https://legacy:443/x', `${publicOrigin}/x`],
  ['https://legacy', '//legacy/x', `${publicOrigin}/x`],
  ['http://[::1]:8080', 'http://[::1]:8080/x', `${publicOrigin}/x`],
  ['http://legacy', 'http://app.example.com/next', `${publicOrigin}/next`],
  ['http://legacy', 'http://app.example.com:80/next', `${publicOrigin}/next`],
  ['http://legacy', 'http://App.Example.com:443/next', `${publicOrigin}/next`],
  ...[
    'http://legacy:8080/x',
    'https://legacy/x',
    'http://legacy.example/x',
    'http://legacy@evil.example/x',
    'http://evil@legacy/x',
    'http://legacy\\@evil.example/x',
    'http://legacy:80x/',
    'http:/legacy/x',
    'http:legacy/x',
    'ftp://legacy/x',
    'http://app.example.com:8080/next',
    'http://app.example.com.evil.example/next',
    'https://app.example.com/next',
    '//app.example.com/next',
    'x/y',
    '',
  ].map((address): [string, string, string] => ['http://legacy', address, address]),
];

const sameForAll = { toPublicPath: (path: string) => path };

test('an address of the application is what the browser has to ask for', (t) => {
  for (const [upstream, address, expected] of addresses) {
    const map = compileAddresses({ upstreamOrigins: [upstream], ...sameForAll });
    t.equal(map('location', address, publicOrigin), expected, `${upstream}: ${address}`);
    t.equal(map('refresh', `5; url=${address}`, publicOrigin), `5; url=${expected}`);
    t.equal(map('link', `<${address}>; rel=next`, publicOrigin), `<${expected}>; rel=next`);
  }
  t.end();
});

test('a public port of its own counts, and plain http is left alone', (t) => {
  const map = compileAddresses({ upstreamOrigins: ['http://legacy'], ...sameForAll });
  t.equal(map('location', 'http://a.example:8443/x', 'https://a.example:8443'), 'https://a.example:8443/x');
  t.equal(map('location', 'http://a.example/x', 'https://a.example:8443'), 'http://a.example/x');
  t.equal(map('location', 'https://a.example/x', 'http://a.example'), 'https://a.example/x');
  t.end();
});

test('every spelling of Refresh and Link is read', (t) => {
  const map = compileAddresses({ upstreamOrigins: ['http://legacy'], ...sameForAll });
  for (const [value, expected] of [
    ['5', '5'],
    ['0;URL=http://legacy/x', `0;URL=${publicOrigin}/x`],
    ['0; url="http://legacy:80/x"', `0; url="${publicOrigin}/x"`],
    ["1.5, url = 'http://legacy/x'; more", `1.5, url = '${publicOrigin}/x'; more`],
    ['0; http://legacy/x', `0; ${publicOrigin}/x`],
  ] as const) {
    t.equal(map('refresh', value, publicOrigin), expected);
  }
  t.equal(
    map(
      'link',
      '<http://legacy/1>; rel=prev; title="a <http://legacy/2>, \\"b", </s.css>;rel=preload,<//legacy/3>',
      publicOrigin,
    ),
    `<${publicOrigin}/1>; rel=prev; title="a <http://legacy/2>, \\"b", </s.css>;rel=preload,<${publicOrigin}/3>`,
  );
  t.end();
});

test('all of these headers are mapped on the way, with the prefix that was taken off', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    const own = `http://${request.headers.host}`;
    response.writeHead(302, {
      Location: `${own}/next`,
      'Content-Location': `${own.slice(5)}/next`,
      Refresh: `3; url=${own}/next`,
      Link: `<${own}/next>; rel=next, </style.css>; rel=preload`,
    });
    response.end();
  });
  const { gateway, client } = await arrangeGateway(t, {
    config: { routes: [{ path: '/app', upstream: upstream.url, allow: 'public', stripPrefix: true }] },
  });
  const { headers } = await client.get(`${gateway.url}/app/x`);
  const next = `${gateway.url}/app/next`;
  t.equal(headers.location, next);
  t.equal(headers['content-location'], next);
  t.equal(headers['refresh'], `3; url=${next}`);
  t.equal(headers['link'], `<${next}>; rel=next, </app/style.css>; rel=preload`);
});

test('behind TLS, an application that takes its own scheme for the browser’s redirects to https', async (t) => {
  const upstream = await arrangeUpstream(t, (request, response) => {
    response.writeHead(302, { Location: `http://${request.headers.host}/next` }).end();
  });
  for (const preserveHost of [true, false]) {
    const { gateway, client } = await arrangeGateway(t, {
      config: {
        publicUrl: publicOrigin,
        routes: [{ path: '/', upstream: upstream.url, allow: 'public', preserveHost }],
      },
    });
    const { headers } = await client.request(gateway.url, { headers: { host: 'app.example.com' } });
    t.equal(headers.location, `${publicOrigin}/next`);
  }
});
