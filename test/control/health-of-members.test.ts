import { test } from 'tap';
import { healthOfAll } from '../../src/control/of-members.ts';
import { healthOf } from '../../src/estate/health.ts';

const well = healthOf([]);

test('a process that does not answer is told, and the others go on', async (t) => {
  t.same(healthOfAll({ answers: [well, well], silent: 0 }, well), well);
  const { ready, degraded } = healthOfAll({ answers: [well], silent: 1 }, well);
  t.equal(ready, true);
  t.same(degraded, [{ reason: 'process_silent', detail: '1 of 2 processes do not answer' }]);
});

test('processes of which none answers are not about to start', async (t) => {
  t.same(healthOfAll({ answers: [], silent: 2 }, well).missing, ['its processes do not answer']);
  t.same(healthOfAll({ answers: [], silent: 0 }, well).missing, ['the gateway is starting']);
});
