import { test } from 'tap';
import { parseListenAddress } from '../../src/config/listen-address.ts';
import { overlaps } from '../../src/listen/overlap.ts';

const rows: [one: string, other: string, doOverlap: boolean][] = [
  ['127.0.0.1:1', '127.0.0.1:1', true],
  ['127.0.0.1:1', '127.0.0.1:2', false],
  ['127.0.0.1:0', '127.0.0.1:0', false],
  ['127.0.0.1:1', '0.0.0.0:1', true],
  ['127.0.0.1:1', '[::]:1', true],
  ['0.0.0.0:1', '[::]:1', true],
  ['[::1]:1', '[::]:1', true],
  ['app.internal:1', '0.0.0.0:1', true],
  ['localhost:1', '127.0.0.1:1', true],
  ['localhost:1', '[::1]:1', true],
  ['127.0.0.1:1', '[::1]:1', false],
  ['0.0.0.0:1', '[::1]:1', false],
  ['127.0.0.1:1', '127.0.0.2:1', false],
  ['unix:/a', 'unix:/a', true],
  ['unix:/a', 'unix:/b', false],
  ['unix:/a', '127.0.0.1:1', false],
];

for (const [one, other, doOverlap] of rows) {
  test(`${one} and ${other} ${doOverlap ? 'cannot' : 'can'} be listened on at the same time`, async (t) => {
    const [a, b] = [parseListenAddress(one), parseListenAddress(other)];
    if (!a || !b) throw new Error('no address');
    t.same([overlaps(a, b), overlaps(b, a)], [doOverlap, doOverlap]);
  });
}
