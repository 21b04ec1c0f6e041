import t from 'tap';
import { createHoldings } from '../../src/holdings.ts';

t.test('two leases have one thing, which is closed when the second is released', async (t) => {
  const holdings = createHoldings();
  const closed: string[] = [];
  const take = (lease: ReturnType<typeof holdings.lease>, key: string) =>
    lease.keep(
      'target',
      key,
      () => ({ key }),
      (thing) => void closed.push(thing.key),
    );
  const [before, after] = [holdings.lease(), holdings.lease()];
  t.equal(take(before, 'a'), take(after, 'a'));
  t.equal(take(before, 'a'), take(before, 'a'), 'twice in one lease counts once');
  t.not(take(before, 'b'), take(before, 'a'));
  await before.release();
  t.strictSame(closed, ['b']);
  t.equal(holdings.count('target'), 1);
  await after.release();
  t.strictSame(closed, ['b', 'a']);
  t.equal(holdings.count('target'), 0);
});

t.test('what was closed is opened anew', async (t) => {
  const holdings = createHoldings();
  const first = holdings.lease();
  const thing = first.keep('keys', 'issuer', () => ({}));
  await first.release();
  t.not(
    holdings.lease().keep('keys', 'issuer', () => ({})),
    thing,
  );
});

t.test('a release closes what was taken last first, and all of it when one close fails', async (t) => {
  const holdings = createHoldings();
  const lease = holdings.lease();
  const closed: string[] = [];
  const open = (key: string, close: () => void) => lease.keep('part', key, () => key, close);
  open('first', () => closed.push('first'));
  open('second', () => {
    closed.push('second');
    throw new Error('cannot close');
  });
  open('third', () => closed.push('third'));
  await t.rejects(lease.release(), { message: 'cannot close' });
  t.strictSame(closed, ['third', 'second', 'first']);
  t.equal(holdings.count('part'), 0);
});

t.test('a thing that cannot be opened is not there', async (t) => {
  const holdings = createHoldings();
  const lease = holdings.lease();
  t.throws(() =>
    lease.keep('key', 'file', () => {
      throw new Error('no such file');
    }),
  );
  t.equal(holdings.count('key'), 0);
  t.equal(
    lease.keep('key', 'file', () => 'read'),
    'read',
  );
});
