import { test } from 'tap';
import { createBounded } from '../../src/bounded.ts';
import { createRefresher, shortPatienceMs } from '../../src/session/refresh/refresh.ts';
import { createWoundClock } from '../support/clock.ts';
import { bareSession } from '../support/session.ts';
import { shareLocally } from '../support/shared.ts';

const session = bareSession({ accessToken: 'access 1', refreshToken: 'refresh 1', expiresAt: 1e9 });
const hour = 3_600_000;

/** A refresher whose provider takes a while, and a clock that is wound. */
function arrange(tookMs: number, isKept = false) {
  const clock = createWoundClock();
  let grants = 0;
  const refresher = createRefresher({
    shared: shareLocally(clock),
    async grant(old) {
      grants += 1;
      clock.wind(tookMs);
      return { kind: 'refreshed', session: { ...old, accessToken: 'access 2', refreshToken: 'refresh 2' } };
    },
    longest: 12 * hour,
    settled: createBounded({ entries: 10 }),
    clock,
    random: () => 0,
  });
  return {
    later: clock.wind,
    refresh: () => refresher.refresh(session, async () => isKept),
    delivered: refresher.delivered,
    grants: () => grants,
  };
}

test('who comes with the cookie from before a slow refresh finds the way on, be it an hour later', async (t) => {
  const { refresh, later, grants } = arrange(shortPatienceMs + 50);
  t.equal((await refresh()).kind, 'refreshed');
  later(hour);
  const late = await refresh();
  t.equal(late.kind === 'refreshed' && late.session.refreshToken, 'refresh 2');
  t.equal(grants(), 1, 'and the refresh token is not sent twice');
});

test('so does who comes with the cookie from before a prompt one, until an answer has brought the new one', async (t) => {
  const { refresh, delivered, later, grants } = arrange(0);
  const outcome = await refresh();
  t.equal(outcome.kind, 'refreshed');
  later(hour);
  t.equal((await refresh()).kind, 'refreshed', 'no answer did: its client may have left');
  delivered(session, outcome);
  later(29_000);
  t.equal((await refresh()).kind, 'refreshed');
  later(2000);
  t.equal((await refresh()).kind, 'replaced');
  t.equal(grants(), 1);
});

test('a session that is kept on the server needs no answer to carry it', async (t) => {
  const { refresh, later, grants } = arrange(0, true);
  t.equal((await refresh()).kind, 'refreshed');
  later(29_000);
  t.equal((await refresh()).kind, 'refreshed');
  later(2000);
  t.equal((await refresh()).kind, 'replaced');
  t.equal(grants(), 1);
});
