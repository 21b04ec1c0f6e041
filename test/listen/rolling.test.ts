import { test } from 'tap';
import { rollInstances } from '../support/rolling.ts';

test('a rolling restart behind HAProxy loses no request', async (t) => {
  const { requests, failures, restarts } = await rollInstances({
    restarts: 1,
    perSecond: 100,
    delay: '6s',
    workers: 1,
  });
  t.equal(restarts, 2);
  t.ok(requests > 300, `${requests} requests`);
  t.same(failures, []);
});
