import { test } from 'tap';
import { createCache } from '../../src/identity/bearer/cache.ts';

test('what is remembered ends with its time, and is bounded in number and in size', async (t) => {
  let now = 1000;
  const cache = createCache<string>({ entries: 3, bytes: 100 }, { monotonic: () => now });
  cache.set('a', 'A', 2000, 10);
  t.equal(cache.get('a'), 'A');
  now = 2000;
  t.equal(cache.get('a'), undefined);
  cache.set('late', 'x', 1500, 10);
  t.equal(cache.get('late'), undefined, 'what is over already is not kept');
  for (const name of ['a', 'b', 'c', 'd']) cache.set(name, name, 9000, 10);
  t.strictSame(
    ['a', 'b', 'c', 'd'].map((name) => cache.get(name)),
    [undefined, 'b', 'c', 'd'],
  );
  cache.set('large', 'L', 9000, 90);
  t.strictSame(
    ['b', 'c', 'd', 'large'].map((name) => cache.get(name)),
    [undefined, undefined, 'd', 'L'],
  );
  for (let round = 0; round < 5; round++) cache.set('large', 'L', 9000, 90);
  t.equal(cache.get('d'), 'd', 'the same key again takes no more room');
});
