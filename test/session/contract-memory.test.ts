import { createRevocations } from '../../src/session/revocations.ts';
import { createHeld } from '../../src/session/shared/held.ts';
import { createLocalPlace } from '../../src/session/shared/local.ts';
import { createWoundClock } from '../support/clock.ts';
import { aboveOf } from '../support/shared.ts';
import { testStore } from './contract.ts';
import { processOf } from './contract-process.ts';

const neverKilled = () => Promise.reject(new Error('it would take everything with it'));

testStore(
  'memory',
  async () => {
    const clock = createWoundClock();
    const revocations = createRevocations(clock);
    const place = createLocalPlace(createHeld(revocations, clock), clock);
    return {
      // There is one process; whoever joins has flights of its own, so that they meet at the lock.
      join: async () => processOf(aboveOf(place, revocations, clock), neverKilled),
      pass: async (ms) => clock.wind(ms),
    };
  },
  true,
);
