import type { Test } from 'tap';
import type { Event } from '../../src/observe/events.ts';
import { createWoundClock } from '../support/clock.ts';
import type { PeopleScene } from './people-suite.ts';
import { createWorld, oldSecret, plan } from './world.ts';

/** Instances with one Redis. Its own clock is not wound: what has to end there, ends by its being looked at. */
export function instancesOn(t: Test, session: Record<string, unknown>): PeopleScene {
  const clock = createWoundClock();
  return {
    async join({ grant, secret = oldSecret } = {}) {
      const events: Event[] = [];
      const world = { ...createWorld(grant), clock, emit: (event: Event) => void events.push(event) };
      const opened = plan(world, { ...session, secret });
      t.teardown(opened.release);
      await opened.ready;
      return { ...opened, clock, events };
    },
    pass: (ms) => clock.wind(ms),
  };
}
