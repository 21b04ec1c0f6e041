import { test } from 'tap';
import { runReloads } from './reloads/run.ts';
import { brokenPromises } from './reloads/verdict.ts';

/** `npm run reloads` does the same at length, and measures memory too. */
for (const workers of [1, 2]) {
  test(`20 reloads under load lose nothing, ${workers} processes`, async (t) => {
    const figures = await runReloads({
      reloads: 20,
      workers,
      rate: 100,
      people: 5,
      sockets: 5,
      tokenSeconds: 2,
      measuredAt: 10,
      restMs: 2000,
    });
    t.strictSame(brokenPromises(figures, { memory: false }), []);
    t.equal(figures.refused, 2);
    t.ok(figures.requests > 40, `${figures.requests} requests`);
    t.comment(
      `${figures.requests} requests, ${figures.refreshes} refreshes in ${figures.seconds.toFixed(1)} s`,
    );
  });
}
