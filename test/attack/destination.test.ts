import { test } from 'tap';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { sendRaw } from '../support/raw.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/*
 * COPY and MOVE write to a second address, in a header. Whoever may write to /open wants to write to a place of
 * another rule, of another application, or to take a closed folder away as a part of an open one.
 */

const signedIn = { allow: 'signed-in' };
const everybody = { allow: 'public' };

async function arrange(t: Parameters<typeof arrangeUpstream>[0]) {
  const upstream = await arrangeUpstream(t);
  const other = await arrangeUpstream(t);
  const { url } = upstream;
  const { gateway } = await arrangeGateway(t, {
    config: {
      publicUrl: ['https://app.example.com', 'https://second.example.com'],
      trustedProxies: [],
      routes: [
        { path: '/open', upstream: url, ...everybody },
        { path: '/open/closed', upstream: url, ...signedIn },
        { path: '/closed', upstream: url, ...signedIn },
        { path: '/also', upstream: url, ...everybody },
        { path: '/other', upstream: other.url, ...everybody },
        { path: '/read', upstream: url, ...everybody },
        { path: '/read', upstream: url, methods: ['PUT', 'DELETE'], ...signedIn },
        { path: '/base', upstream: url, rewrite: '/elsewhere', ...everybody },
      ],
    },
  });
  const send = async (method: string, path: string, destination: string, extra = '') => {
    const before = upstream.requests.length;
    const text = await sendRaw(
      gateway.url,
      `${method} ${path} HTTP/1.1\r\nHost: app.example.com\r\nDestination: ${destination}\r\n${extra}Connection: close\r\n\r\n`,
      100,
    );
    return { status: Number(text.slice(9, 12)), text, arrived: upstream.requests.length - before };
  };
  return { upstream, other, gateway, send };
}

const refused: readonly [path: string, destination: string][] = [
  ['/open/a', '/closed/b'],
  ['/open/a', 'https://app.example.com/closed/b'],
  ['/open/a', 'http://app.example.com:8080/closed/b'],
  ['/open/a', '/open/closed'],
  ['/open/a', '/open/closed/b'],
  ['/open/a', '/open/x/../closed/b'],
  ['/open/a', '/open/%2e%2e/closed/b'],
  ['/open/a', '/open/..%2fclosed/b'],
  ['/open/a', '/open/..;/closed/b'],
  ['/open/a', '/open/%63losed/b'],
  ['/open/a', '//open/a'],
  ['/open/a', '/open//closed/b'],
  ['/open/a', '/open\\closed'],
  // Another application, and places that the gateway has no route for.
  ['/open/a', '/other/b'],
  ['/other/a', '/open/b'],
  ['/open/a', '/nowhere/b'],
  ['/open/a', '/elsewhere/b'],
  ['/open/a', '/base/b'],
  ['/base/a', '/open/b'],
  ['/open/a', '/'],
  ['/open/a', ''],
  ['/open/a', '*'],
  ['/open/a', 'b'],
  ['/open/a', '/oauth2/sign_out'],
  // Other hosts: the upstream's own address, which it would take for itself, among them.
  ['/open/a', 'UPSTREAM/closed/b'],
  ['/open/a', 'UPSTREAM/open/b'],
  ['/open/a', 'https://second.example.com/open/b'],
  ['/open/a', 'https://evil.example/open/b'],
  ['/open/a', 'https://app.example.com@evil.example/open/b'],
  ['/open/a', 'https://evil.example\\@app.example.com/open/b'],
  ['/open/a', 'https:///open/b'],
  ['/open/a', 'ftp://app.example.com/open/b'],
  ['/open/a', '//app.example.com/open/b'],
  ['/open/a', '/open/b#c'],
  ['/open/a', '/open/b c'],
  ['/open/a', '/open/b, /closed/b'],
  // What may be written there is another rule's.
  ['/open/a', '/read/b'],
  // Whole folders, with what is below them.
  ['/open', '/also/b'],
  ['/open/', '/also/b'],
  ['/%6fpen', '/also/b'],
  ['/OPEN/../open', '/also/b'],
  ['/open;x', '/also/b'],
  ['/also/b', '/open'],
  ['/also/b', '/open/'],
  ['/also/b', '/ope%6e'],
];

test('COPY and MOVE write to no place of another rule, application or host', async (t) => {
  const { upstream, send } = await arrange(t);
  for (const [path, destination] of refused) {
    for (const method of ['COPY', 'MOVE']) {
      const named = destination.replace('UPSTREAM', upstream.url);
      const { status, arrived } = await send(method, path, named);
      t.ok([400, 403, 404].includes(status), `${method} ${path} to ${destination}: ${status}`);
      t.equal(arrived, 0);
    }
  }
});

test('two of them, and a method in a header, are no way around', async (t) => {
  const { send } = await arrange(t);
  const twice = await send('MOVE', '/open/a', '/open/b', 'Destination: /closed/b\r\n');
  t.same([twice.status, twice.arrived], [400, 0]);
  for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
    const { status, arrived } = await send(
      'POST',
      '/open/a',
      '/closed/b',
      `${name}: MOVE\r\nContent-Length: 0\r\n`,
    );
    t.same([status, arrived], [403, 0], name);
  }
});

test('what is allowed goes on under the address that the upstream has', async (t) => {
  const { upstream, send } = await arrange(t);
  for (const [path, destination, expected] of [
    ['/open/a', 'https://app.example.com/open/b', '/open/b'],
    ['/open/a', 'http://app.example.com/open/b%20c?d=/closed', '/open/b%20c?d=/closed'],
    ['/open/a', '/also/b', '/also/b'],
    ['/base/a', '/base/b', '/elsewhere/b'],
  ] as const) {
    const { status, text } = await send('MOVE', path, destination);
    t.equal(status, 200, destination);
    const { rawHeaders } = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Echo;
    t.same(valuesOf(rawHeaders, 'destination'), [upstream.url + expected]);
  }
});

test('the header of other methods is the application’s own', async (t) => {
  const { send } = await arrange(t);
  const { status, text } = await send('GET', '/open/a', 'Paris');
  t.equal(status, 200);
  t.match(text, /"Destination","Paris"/);
});

test('a proxy that only asks is told the same', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { gateway, client } = await arrangeGateway(t, {
    config: {
      trustedProxies: ['127.0.0.1'],
      routes: [
        { path: '/open', upstream: upstream.url, ...everybody },
        { path: '/closed', upstream: upstream.url, ...signedIn },
      ],
    },
  });
  for (const [destination, status] of [
    ['/open/b', 202],
    ['/closed/b', 403],
    ['http://evil.example/open/b', 403],
  ] as const) {
    const headers = { 'x-original-url': '/open/a', 'x-original-method': 'MOVE', destination };
    t.equal((await client.get(`${gateway.url}/oauth2/auth`, headers)).status, status, destination);
  }
});
