import fc from 'fast-check';
import { test } from 'tap';
import { isWithin, splitNetwork } from '../../src/access/network-parts.ts';
import { compileNetworks, networkItem } from '../../src/access/networks.ts';

const addresses = [
  ...['10.1.2.3', '10.200.0.1', '11.0.0.0', '192.0.2.1', '255.255.255.255', '0.0.0.0'],
  ...['::1', '::', '2001:db8::1', '2001:db8:8000::1', '::ffff:10.1.2.3', 'ffff::1', '::fffe:a01:203'],
];
const network = fc
  .tuple(fc.constantFrom(...addresses), fc.nat(128))
  .map(([address, bits]) => `${address}/${address.includes(':') ? bits : bits % 33}`);

const includes = (networks: readonly string[]) =>
  compileNetworks(networks.flatMap((each) => networkItem.parse(each) ?? []));

test('a network that lies within another has no address that the other has not', (t) => {
  fc.assert(
    fc.property(network, network, fc.constantFrom(...addresses), (inner, outer, address) => {
      if (!isWithin(inner, outer) || !includes([inner])(address)) return;
      if (!includes([outer])(address)) throw new Error(`${address} is in ${inner}, not in ${outer}`);
    }),
    { numRuns: 3000 },
  );
  for (const [inner, outer, expected] of [
    ['10.1.0.0/16', '10.0.0.0/8', true],
    ['10.1.2.3/8', '10.0.0.0/8', true],
    ['10.0.0.0/8', '10.1.0.0/16', false],
    ['11.0.0.0/16', '10.0.0.0/8', false],
    ['10.0.0.0/8', '::/0', true],
    ['::ffff:a00:0/104', '10.0.0.0/8', true],
    ['0.0.0.0/0', '::ffff:0:0/96', true],
    ['2001:db8:1::/48', '2001:db8::/32', true],
    ['::/0', '0.0.0.0/0', false],
  ] as const)
    t.equal(isWithin(inner, outer), expected, `${inner} in ${outer}`);
  t.end();
});

test('the pieces of a network have its addresses, and each lies within the others or outside of them', (t) => {
  fc.assert(
    fc.property(network, fc.array(network, { maxLength: 4 }), (whole, others) => {
      const pieces = splitNetwork(whole, others);
      for (const address of addresses) {
        if (includes([whole])(address) !== includes(pieces)(address))
          throw new Error(`${address}: ${whole} is not ${pieces}`);
      }
      for (const piece of pieces) {
        for (const other of others)
          if (isWithin(other, piece) && !isWithin(piece, other))
            throw new Error(`${other} is a part of ${piece}`);
      }
    }),
    { numRuns: 2000 },
  );
  t.strictSame(splitNetwork('10.0.0.0/8', ['10.128.0.0/9']), ['10.0.0.0/9', '10.128.0.0/9']);
  t.strictSame(splitNetwork('10.0.0.0/8', ['11.0.0.0/8', '10.0.0.0/7']), ['10.0.0.0/8']);
  t.end();
});
