import { test } from 'tap';
import type { Standing } from '../../src/session/standing.ts';
import { begin, createWorld, plan, sessionAt, standing } from './world.ts';

const linesOf = (found: Standing) => (found && 'session' in found ? found.setCookies : []);

test('whatever else is in the header, one cookie that is due is written anew once', async (t) => {
  const world = createWorld();
  const here = plan(world, { idleTimeout: '10m' });
  t.teardown(here.release);
  const header = await begin(here, sessionAt(world.clock));
  world.clock.wind(200_000);
  const lines = linesOf(await standing(here, header));
  t.equal(lines.length, 1, 'it was due');
  for (const other of [
    'a=1',
    'a=2; b=3',
    `pad=${'x'.repeat(10_000)}`,
    'sallyport-provider=x',
    'sallyport.8x=1',
  ])
    for (const both of [`${header}; ${other}`, `${other}; ${header}`])
      t.strictSame(linesOf(await standing(here, both)), lines, other.slice(0, 30));
});

test('a chunk that is left over is removed, whatever was written for a request without one', async (t) => {
  const world = createWorld();
  const here = plan(world, { idleTimeout: '10m' });
  t.teardown(here.release);
  const header = await begin(here, sessionAt(world.clock));
  world.clock.wind(200_000);
  t.equal(linesOf(await standing(here, header)).length, 1);
  const lines = linesOf(await standing(here, `${header}; sallyport.2=left`));
  t.match(lines[1], /^sallyport\.2=; Max-Age=0/);
  t.equal(lines.length, 2);
  t.equal(linesOf(await standing(here, header)).length, 1, 'and not for others');
});
