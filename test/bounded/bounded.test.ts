import fc from 'fast-check';
import { type Test, test } from 'tap';
import { type Bounds, createBounded } from '../../src/bounded.ts';

interface Value {
  name: string;
  until: number;
  bytes: number;
}

test('what is kept ends with its time, and is bounded in number and in size', async (t) => {
  let now = 1000;
  const bounded = createBounded<string, Value>({
    entries: 3,
    bytes: { most: 100, of: ({ bytes }) => bytes },
    ends: { at: ({ until }) => until, now: () => now },
  });
  const set = (name: string, until: number, bytes: number) => bounded.set(name, { name, until, bytes });
  const left = (...names: string[]) => names.filter((name) => bounded.get(name)?.name === name).join('');
  set('a', 2000, 10);
  t.equal(left('a'), 'a');
  now = 2000;
  t.equal(left('a'), '');
  set('late', 1500, 10);
  t.equal(bounded.get('late'), undefined, 'what is over already is not kept');
  for (const name of ['a', 'b', 'c', 'd']) set(name, 9000, 10);
  t.equal(left('a', 'b', 'c', 'd'), 'bcd');
  set('L', 9000, 90);
  t.equal(left('b', 'c', 'd', 'L'), 'dL');
  for (let round = 0; round < 5; round++) set('L', 9000, 90);
  t.equal(left('d', 'L'), 'dL', 'the same key again takes no more room');
  set('X', 9000, 101);
  t.equal(left('d', 'L', 'X'), '', 'what has no room by itself is not kept');
  set('e', 9000, 100);
  t.equal(left('e'), 'e', 'and takes none');
});

/** The same in the plainest way: a list, the oldest first. */
function createModel(bounds: Bounds<Value>, now: () => number) {
  let list: Value[] = [];
  const isOver = ({ until }: Value) => until <= now();
  const find = (name: string) => list.find((value) => value.name === name);
  const without = (name: string) => list.filter((value) => value.name !== name);
  const isFull = () =>
    list.length > bounds.entries ||
    list.reduce((sum, { bytes }) => sum + bytes, 0) > (bounds.bytes?.most ?? 0);
  return {
    get(name: string) {
      const value = find(name);
      if (!value) return undefined;
      if (isOver(value)) list = without(name);
      else if (bounds.givesWay === 'unused') list = [...without(name), value];
      return isOver(value) ? undefined : value;
    },
    set(value: Value) {
      if (bounds.givesWay === 'newcomer' && list.length >= bounds.entries && !find(value.name)) return;
      list = [...without(value.name), value];
      while (list[0] && (isFull() || isOver(list[0]))) list.shift();
    },
    delete(name: string) {
      list = without(name);
    },
    all: () => list,
  };
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    name: fc.constantFrom(...'abcdefgh'),
    lasts: fc.integer({ min: -2, max: 30 }),
    bytes: fc.integer({ min: 0, max: 40 }),
  }),
  fc.record({
    kind: fc.constantFrom('get' as const, 'delete' as const),
    name: fc.constantFrom(...'abcdefgh'),
  }),
  fc.record({ kind: fc.constant('wait' as const), for: fc.integer({ min: 1, max: 20 }) }),
);

for (const givesWay of ['oldest', 'unused', 'newcomer'] as const) {
  test(`whatever is done with it, it holds its bounds, and the right one gives way: ${givesWay}`, async (t) => {
    fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => followSteps(t, givesWay, steps)));
    t.pass('as the model');
  });
}

/** The look for the oldest begins anew after some hundred that have gone, and again and again in these. */
test('in a long flood of new keys and known ones, the right one gives way', async (t) => {
  const flood = fc.record({
    entries: fc.integer({ min: 1, max: 40 }),
    givesWay: fc.constantFrom('oldest' as const, 'unused' as const),
    keys: fc.array(fc.nat({ max: 200 }), { minLength: 3000, maxLength: 3000, size: 'max' }),
    kinds: fc.infiniteStream(
      fc.constantFrom('set' as const, 'set' as const, 'get' as const, 'delete' as const),
    ),
    clearAt: fc.nat({ max: 6000 }),
  });
  fc.assert(
    fc.property(flood, ({ entries, givesWay, keys, kinds, clearAt }) => {
      const bounds: Bounds<Value> = { entries, givesWay };
      const bounded = createBounded<string, Value>(bounds);
      let model = createModel({ ...bounds, bytes: { most: 1, of: () => 0 } }, () => 0);
      for (const [at, key] of keys.entries()) {
        const name = `${key}`;
        const [kind] = kinds.take(1);
        const value = { name, until: 1, bytes: 0 };
        if (at === clearAt) {
          bounded.clear();
          model = createModel({ ...bounds, bytes: { most: 1, of: () => 0 } }, () => 0);
        }
        if (kind === 'get') {
          if (bounded.get(name) !== model.get(name)) t.fail(`${name} is another one`);
        } else if (kind === 'delete') {
          bounded.delete(name);
          model.delete(name);
        } else {
          bounded.set(name, value);
          model.set(value);
        }
        if (at % 50 === 0 && names([...bounded.values()]) !== names(model.all()))
          t.fail(`${names([...bounded.values()])}, not ${names(model.all())}`);
      }
      return names([...bounded.values()]) === names(model.all());
    }),
    { numRuns: 20 },
  );
  t.pass('as the model');
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function followSteps(t: Test, givesWay: NonNullable<Bounds<Value>['givesWay']>, steps: Step[]): void {
  let now = 0;
  const bounds: Bounds<Value> = {
    entries: 4,
    bytes: { most: 100, of: ({ bytes }) => bytes },
    ends: { at: ({ until }) => until, now: () => now },
    givesWay,
  };
  const bounded = createBounded<string, Value>(bounds);
  const model = createModel(bounds, () => now);
  for (const each of steps) {
    if (each.kind === 'wait') now += each.for;
    else if (each.kind === 'set') {
      const value = { name: each.name, until: now + each.lasts, bytes: each.bytes };
      bounded.set(each.name, value);
      model.set(value);
    } else if (each.kind === 'get') {
      const found = bounded.get(each.name);
      if (found !== model.get(each.name)) t.fail(`${each.name} is another one`);
      if (found && found.until <= now) t.fail(`${each.name} is over`);
    } else {
      bounded.delete(each.name);
      model.delete(each.name);
    }
    const kept = [...bounded.values()];
    const held = kept.reduce((sum, { bytes }) => sum + bytes, 0);
    if (bounded.size > 4 || held > 100) t.fail(`${bounded.size} entries, ${held} bytes`);
    if (names(kept) !== names(model.all())) t.fail(`${names(kept)}, not ${names(model.all())}`);
  }
}

const names = (values: readonly Value[]) => values.map(({ name }) => name).join(' ');

test('those that are spared stay, and the oldest of the others gives way', async (t) => {
  const bounded = createBounded<string, { isBusy: boolean }>({ entries: 2, spare: ({ isBusy }) => isBusy });
  const busy = { isBusy: true };
  bounded.set('busy', busy);
  for (const name of ['a', 'b']) bounded.set(name, { isBusy: false });
  t.strictSame(
    [...bounded].map(([name]) => name),
    ['busy', 'b'],
  );
  busy.isBusy = false;
  bounded.set('c', { isBusy: false });
  t.strictSame(
    [...bounded].map(([name]) => name),
    ['b', 'c'],
  );
});

test('a look at what is over changes nothing, and counts again when the time is set back', async (t) => {
  let now = 0;
  const bounded = createBounded<string, number>({
    entries: 2,
    ends: { at: (until) => until, now: () => now },
  });
  bounded.set('a', 10);
  now = 11;
  t.equal(bounded.peek('a'), 10);
  now = 9;
  t.ok(bounded.has('a'));
  now = 11;
  t.notOk(bounded.has('a'));
  now = 9;
  t.notOk(bounded.has('a'), 'whoever asked for it has ended it');
});
