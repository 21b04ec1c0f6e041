import { type Test, test } from 'tap';
import { createBounded } from '../../src/bounded.ts';
import { systemClock } from '../../src/clock.ts';
import { createCircuit } from '../../src/identity/provider/circuit.ts';
import { createTokenCache } from '../../src/identity/upstream-token/cache.ts';
import { systemRandom } from '../../src/random.ts';
import { createBoard } from '../../src/session/shared/board.ts';
import { createClaims } from '../../src/session/shared/claims.ts';
import { createSessionTable } from '../../src/session/shared/session-table.ts';
import { shareLocally } from '../support/shared.ts';

const hour = 3_600_000;

/** Sets the time of day, as an operator or a time server does. */
function setClock(t: Test, byMs: number): void {
  const { now } = Date;
  Date.now = () => now() + byMs;
  t.teardown(() => {
    Date.now = now;
  });
}

for (const [name, by] of Object.entries({ back: -hour, forward: hour })) {
  test(`a clock that is set ${name} by an hour changes no wait and no age`, async (t) => {
    const board = createBoard(systemClock);
    const claims = createClaims(systemClock);
    const table = createSessionTable(systemClock);
    const circuit = createCircuit({ clock: systemClock, random: systemRandom });
    const bounded = createBounded<string, number>({
      entries: 9,
      ends: { at: (until) => until, now: systemClock.monotonic },
    });
    const shared = shareLocally(systemClock);
    board.post('lasts', { value: 'here', lingerMs: 60_000 });
    claims.take('name', 60_000);
    await table.set('id', 'session', 60);
    const until = performance.now() + 60_000;
    bounded.set('key', until);
    for (const who of ['a', 'b', 'c']) circuit.failed(who, 10);
    await shared.once('work', async () => ({ value: 'once', lingerMs: 60_000 }));
    const blocked = circuit.blockedFor('a');
    setClock(t, by);
    t.equal(board.read('lasts'), 'here');
    t.equal(claims.take('name', 60_000), false);
    t.equal(table.get('id'), 'session');
    t.equal(bounded.get('key'), until);
    t.ok(circuit.blockedFor('a') > blocked - 5 && circuit.blockedFor('a') <= blocked);
    t.equal(await shared.once('work', async () => ({ value: 'again', lingerMs: 1 })), 'once');
  });

  test(`a token of an upstream lasts as long as it was said to, with a clock that is set ${name}`, (t) => {
    let set = 0;
    let passed = 0;
    const clock = { ...systemClock, now: () => 1e12 + passed + set, monotonic: () => passed };
    const cache = createTokenCache(clock);
    cache.put('ada', { kind: 'token', token: 'abc', renewAt: 1e9 + 50, expiresAt: 1e9 + 60 });
    set = by;
    t.same(cache.get('ada'), { token: 'abc', isDue: false });
    passed = 61_000;
    t.equal(cache.get('ada'), undefined, 'and no longer');
    t.end();
  });
}
