import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'tap';
import { createScopes } from '../../../src/observe/traces/scopes.ts';

const scope = (name: string) => ({ name, isOpen: true });
const nothing = () => {};

test('what is done within a scope knows it, behind waits too, and nobody else does', async (t) => {
  const scopes = createScopes<ReturnType<typeof scope>>();
  const here = () => scopes.current()?.name;
  const work = async (name: string) => {
    const seen = [here()];
    await turn();
    seen.push(here());
    await scopes.run(
      scope(`${name}.inner`),
      async () => {
        await turn();
        seen.push(here());
      },
      nothing,
    );
    seen.push(here());
    return seen;
  };
  const [one, other] = await Promise.all([
    scopes.run(scope('one'), () => work('one'), nothing),
    scopes.run(scope('other'), () => work('other'), nothing),
  ]);
  t.same(one, ['one', 'one', 'one.inner', 'one']);
  t.same(other, ['other', 'other', 'other.inner', 'other']);
  t.equal(here(), undefined);
});

test('the end is told once, with what was thrown, and what was thrown goes on', async (t) => {
  const scopes = createScopes<ReturnType<typeof scope>>();
  const ends: unknown[] = [];
  const ended = (error?: unknown) => void ends.push(error);
  const error = new Error('no');
  t.equal(
    scopes.run(scope('a'), () => 7, ended),
    7,
  );
  t.throws(
    () =>
      scopes.run(
        scope('b'),
        () => {
          throw error;
        },
        ended,
      ),
    error,
  );
  await t.rejects(
    scopes.run(scope('c'), () => Promise.reject(error), ended),
    error,
  );
  t.same(ends, [undefined, error, error]);
});

test('what outlives its scope is in none, not even while another is open', async (t) => {
  const scopes = createScopes<ReturnType<typeof scope>>();
  const late: (string | undefined)[] = [];
  const first = scope('first');
  let fire = nothing;
  scopes.run(
    first,
    () => {
      const fired = new Promise<void>((resolve) => {
        fire = resolve;
      });
      void fired.then(() => late.push(scopes.current()?.name));
    },
    () => {
      first.isOpen = false;
    },
  );
  await scopes.run(
    scope('second'),
    async () => {
      fire();
      await turn();
      t.equal(scopes.current()?.name, 'second');
    },
    nothing,
  );
  t.same(late, [undefined]);
});
