import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { test } from 'tap';
import { compileNetworks } from '../../src/access/networks.ts';
import { parseConfig } from '../../src/config/load.ts';
import { addressOf, forwardedEntries } from '../../src/listen/forwarded.ts';
import { compilePeers, markUnix } from '../../src/listen/peer.ts';

const base =
  'publicUrl: http://127.0.0.1:1\nroutes: [{ path: /, upstream: "http://127.0.0.1:2", allow: public }]\n';

/** What is read of a request from an address, with these headers. */
function peerOf(
  trustedProxies: string,
  headers: Record<string, string>,
  { remoteAddress = '127.0.0.1', unix = false }: { remoteAddress?: string | null; unix?: boolean } = {},
) {
  const { config } = parseConfig(`${base}trustedProxies: ${trustedProxies}\n`, { file: 'x.yaml', env: {} });
  const read = compilePeers(config.trustedProxies);
  const socket = { remoteAddress: remoteAddress ?? undefined };
  if (unix) markUnix(socket);
  return read({
    socket,
    headers,
  } as unknown as IncomingMessage);
}

const networks = '[127.0.0.1, 10.0.0.0/8]';

for (const [spelling, address] of [
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:51008', '203.0.113.7'],
  ['"203.0.113.7"', '203.0.113.7'],
  ['"203.0.113.7:51008"', '203.0.113.7'],
  ['[203.0.113.7]:1', undefined],
  ['2001:db8::7', '2001:db8::7'],
  ['2001:DB8:0:0::7', '2001:db8::7'],
  ['[2001:db8::7]', '2001:db8::7'],
  ['[2001:db8::7]:443', '2001:db8::7'],
  ['"[2001:db8::7]:443"', '2001:db8::7'],
  ['"[2001:db8::7]:_port"', '2001:db8::7'],
  ['fe80::7%eth0', 'fe80::7'],
  ['[fe80::7%eth0]:1', 'fe80::7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['[::ffff:cb00:7107]:1', '203.0.113.7'],
  ['\t203.0.113.7 ', '203.0.113.7'],
  ['unknown', undefined],
  ['_hidden', undefined],
  ['', undefined],
  ['""', undefined],
  ['"', undefined],
  ['203.0.113.7"', undefined],
  ['203.0.113', undefined],
  ['203.0.113.007', undefined],
  ['0xcb.0.113.7', undefined],
  ['3405803783', undefined],
  ['203.0.113.7:', undefined],
  ['203.0.113.7:1:2', undefined],
  ['203.0.113.7 10.0.0.1', undefined],
  ['\u00a0203.0.113.7', undefined],
  ['localhost', undefined],
  ['[2001:db8::7', undefined],
  ['fe80::7%', undefined],
  ['::1%<x>', undefined],
] as const) {
  test(`an entry ${JSON.stringify(spelling)} is ${address ?? 'no address'}`, async (t) => {
    t.equal(addressOf(spelling), address);
    // Behind a proxy whose own address was written too: the client is never one of the proxies.
    const peer = peerOf(networks, { 'x-forwarded-for': `10.0.0.9, ${spelling}, 127.0.0.1` });
    t.equal(peer.clientAddress, address);
  });
}

test('from the right, the first that is no proxy of ours is the client; behind it is anybody’s word', async (t) => {
  const client = (header: string) => peerOf(networks, { 'x-forwarded-for': header }).clientAddress;
  t.equal(client('198.51.100.1, 203.0.113.7, 10.0.0.4'), '203.0.113.7');
  t.equal(client('198.51.100.1, unknown, 10.0.0.4'), undefined);
  t.equal(client('10.0.0.4,'), undefined, 'an entry of nothing is somebody unknown');
  t.equal(client('10.0.0.5, 10.0.0.4'), '10.0.0.5', 'a request that a proxy made itself');
  t.equal(client(''), undefined);
  t.equal(peerOf(networks, {}).clientAddress, undefined, 'a front that says nothing knows nobody');
  t.equal(
    peerOf('[]', { 'x-forwarded-for': '10.0.0.4' }).clientAddress,
    '127.0.0.1',
    'nor is a client believed',
  );
});

test('a Unix socket is trusted by name alone, and a connection that has gone never', async (t) => {
  const headers = { 'x-forwarded-for': '203.0.113.7' };
  const gone = { remoteAddress: null };
  t.match(peerOf('[unix]', headers, { unix: true }), { trusted: true, clientAddress: '203.0.113.7' });
  t.match(peerOf(networks, headers, { unix: true }), { trusted: false, clientAddress: undefined });
  t.match(peerOf('[unix, 127.0.0.1]', headers, gone), {
    address: '',
    trusted: false,
    clientAddress: undefined,
  });
  t.match(peerOf('["::ffff:127.0.0.1"]', headers), { trusted: true }, 'IPv4 in either spelling');
  t.match(peerOf('[127.0.0.1]', headers, { remoteAddress: '::ffff:127.0.0.1' }), { trusted: true });
  t.match(peerOf('["fe80::/10"]', headers, { remoteAddress: 'fe80::1%eth0' }), { trusted: true });
});

test('Forwarded is read where the front is known to set it, and then X-Forwarded-For is not', async (t) => {
  const listed = '[{ network: 127.0.0.1, headers: [Forwarded] }, 10.0.0.0/8]';
  const both = {
    forwarded: 'for="[2001:db8::7]:443";proto=https, for=10.0.0.4',
    'x-forwarded-for': '10.0.0.5',
  };
  t.match(peerOf(listed, both), { clientAddress: '2001:db8::7', via: '2001:db8::7, 10.0.0.4' });
  t.equal(peerOf(networks, both).clientAddress, '10.0.0.5');
  t.equal(peerOf(networks, { forwarded: 'for=10.0.0.4' }).clientAddress, undefined);
  t.equal(peerOf(listed, { 'x-forwarded-for': '10.0.0.5' }).clientAddress, undefined);
});

test('Forwarded in the forms of RFC 7239, and what is malformed says nothing', async (t) => {
  for (const [header, entries] of [
    ['for=192.0.2.43', ['192.0.2.43']],
    ['For="[2001:db8:cafe::17]:4711"', ['[2001:db8:cafe::17]:4711']],
    ['for=192.0.2.60;proto=http;by=203.0.113.43', ['192.0.2.60']],
    ['by=203.0.113.43 ; FOR=192.0.2.60', ['192.0.2.60']],
    ['for=192.0.2.43, for=198.51.100.17', ['192.0.2.43', '198.51.100.17']],
    ['for=_gazonk', ['_gazonk']],
    ['for=unknown, for=192.0.2.1', ['unknown', '192.0.2.1']],
    ['proto=https', ['']],
    ['for=192.0.2.1, proto=https', ['192.0.2.1', '']],
    ['for="192.0.2.1\\, x", for=192.0.2.2', ['192.0.2.1, x', '192.0.2.2']],
    ['by="a, for=10.0.0.1, b", for=192.0.2.1', ['', '192.0.2.1']],
    ['', ['']],
    ['for="192.0.2.1, for=10.0.0.4', ['']],
    ['for=192.0.2.1 for=10.0.0.4', ['']],
    ['for="192.0.2.1"x, for=10.0.0.4', ['']],
  ] as const) {
    t.same(forwardedEntries(header), entries, header);
  }
});

test('whatever stands in the header, the reading ends, and a client is an address or unknown', async (t) => {
  const pieces = fc.constantFrom(
    ...[
      '10.0.0.4',
      '127.0.0.1',
      '203.0.113.7',
      '[::1]',
      '"',
      '\\',
      ',',
      ';',
      'for=',
      ':80',
      ' ',
      '\t',
      '%',
      'unknown',
      'x',
    ],
  );
  const isAddress = compileNetworks(
    parseConfig(`${base}trustedProxies: [0.0.0.0/0, "::/0"]\n`, {
      file: 'x',
      env: {},
    }).config.trustedProxies.flatMap(({ network }) => (network === 'unix' ? [] : [network])),
  );
  const listed = '[{ network: 127.0.0.1, headers: [Forwarded] }, 10.0.0.0/8]';
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), fc.boolean(), (parts, isForwarded) => {
      const header = parts.join('');
      const name = isForwarded ? 'forwarded' : 'x-forwarded-for';
      const { clientAddress } = peerOf(isForwarded ? listed : networks, { [name]: header });
      return clientAddress === undefined || isAddress(clientAddress);
    }),
    { numRuns: 500 },
  );
  t.pass();
});

test('blanks and colons within an entry are passed once, be they many', async (t) => {
  for (const many of [' '.repeat(500_000), '\t'.repeat(500_000), '%a'.repeat(250_000), ':'.repeat(500_000)])
    for (const entry of [`1${many}x`, `::1${many}x`, `[::1${many}`]) t.equal(addressOf(entry), undefined);
  t.equal(addressOf(`${' '.repeat(500_000)}192.0.2.1${'\t'.repeat(500_000)}`), '192.0.2.1');
});
