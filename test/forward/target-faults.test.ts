// alone: it measures how soon a fault is over
import { test } from 'tap';
import { faults } from './target-faults/faults.ts';
import type { Asked } from './target-faults/load.ts';
import { canHaveDns } from './target-faults/places.ts';
import { proxies } from './target-faults/proxies.ts';
import { runTrial } from './target-faults/run.ts';

/** `npm run targets` does the same at length, beside other proxies, and with one second in place of three. */
const tried = ['frozen', 'status-500', 'moved-frozen'];

const failed = (asked: readonly Asked[]) => asked.filter(({ isGood }) => !isGood);

for (const fault of faults.filter(({ key }) => tried.includes(key))) {
  test(`one of two targets is ${fault.title}: soon no request fails`, { timeout: 120_000 }, async (t) => {
    if (fault.isMove && !canHaveDns()) {
      t.comment('not tried: no name can lead elsewhere where `unshare --mount` is not allowed');
      return;
    }
    const [result] = await runTrial({
      fault,
      proxies: proxies.slice(0, 1),
      perSecond: 30,
      settleMs: 3000,
      forMs: 5000,
      longestMs: 20_000,
    });
    const { first = [], after = [] } = result ?? {};
    t.same(failed(after), []);
    t.ok(after.length > 20, `${after.length} requests`);
    const gets = first.filter(({ method }) => method === 'GET');
    t.same(failed(gets), [], 'what may be sent again never fails');
    t.comment(`${failed(first).length} of ${first.length} failed before`);
  });
}
