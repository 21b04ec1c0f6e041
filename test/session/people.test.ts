import type { Test } from 'tap';
import type { Event } from '../../src/observe/events.ts';
import type { WoundClock } from '../support/clock.ts';
import { type PeopleProcess, type PeopleScene, testPeople } from './people-suite.ts';
import { arrangePrimary } from './primary-line.ts';
import { createWorld, plan, type World } from './world.ts';

/** Opens a plan that keeps sessions in memory. */
async function joinIn(t: Test, world: World): Promise<PeopleProcess> {
  const events: Event[] = [];
  const opened = plan({ ...world, emit: (event) => events.push(event) }, { store: 'memory' });
  t.teardown(opened.release);
  await opened.ready;
  return { ...opened, clock: world.clock, events };
}

/** Plans of one process: each has what the other knows. */
testPeople('memory', async (t): Promise<PeopleScene> => {
  const world = createWorld();
  return {
    join: ({ grant = world.grant } = {}) => joinIn(t, { ...world, grant }),
    pass: (ms) => world.clock.wind(ms),
  };
});

/** Workers of one primary process, which has the table. */
testPeople('workers', async (t): Promise<PeopleScene> => {
  const grants: { grant?: World['grant'] } = {};
  const { worker, clock } = arrangePrimary(async (session, renewal) =>
    grants.grant ? grants.grant(session, renewal) : { kind: 'unavailable', retryAfter: 1 },
  );
  const clocks: WoundClock[] = [clock];
  return {
    join({ grant } = {}) {
      if (grant) grants.grant = grant;
      const world = worker();
      clocks.push(world.clock);
      world.primary?.join();
      return joinIn(t, world);
    },
    pass(ms) {
      for (const each of clocks) each.wind(ms);
    },
  };
});
