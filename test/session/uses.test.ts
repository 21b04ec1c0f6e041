import { test } from 'tap';
import { storeUnavailable } from '../../src/session/shared/shared.ts';
import { createNotedUses } from '../../src/session/stores/uses.ts';
import { createWoundClock } from '../support/clock.ts';
import { bareSession } from '../support/session.ts';
import { until } from '../support/until.ts';

const foundOf = (id: string) => ({ session: bareSession({ id }), outdatedKey: false, handle: 0 });

test('a store that is slow is not asked for the same again meanwhile', async (t) => {
  const clock = createWoundClock();
  const asked: string[] = [];
  let answer = () => {};
  const slow = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const uses = createNotedUses(async ({ session }) => {
    asked.push(session.id);
    await slow;
  }, clock);
  const found = foundOf('one');
  for (let second = 1; second < 60; second++) {
    uses.note(found, second);
    clock.wind(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.strictSame(asked, ['one']);
  answer();
  await until('the writing', () => uses.lastOf(found.session) === undefined);
});

test('a store that is out is tried with some, and what was noted stays known', async (t) => {
  const clock = createWoundClock();
  let isOut = true;
  let tries = 0;
  const uses = createNotedUses(async () => {
    tries += 1;
    if (isOut) throw storeUnavailable(new Error('out'));
  }, clock);
  const all = Array.from({ length: 2000 }, (_, index) => foundOf(String(index)));
  for (const found of all) uses.note(found, 7);
  await uses.flush();
  t.ok(tries <= 200, `${tries} tried`);
  t.ok(all.every(({ session }) => uses.lastOf(session) === 7));
  isOut = false;
  await uses.flush();
  t.ok(
    all.every(({ session }) => uses.lastOf(session) === undefined),
    'all are written',
  );
});
