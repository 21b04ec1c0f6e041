import { measureWindow, warm } from './window.mjs';

const scenario = { path: '/1k', connections: 64, seconds: 2 };

/**
 * A process has the luck of its memory, and of what V8 made of its first requests, for as long as it lives: that moves a
 * request by a tenth either way. So many windows are measured before each subject is started anew.
 */
const pairsOfOne = 2;

/**
 * Sets two subjects side by side: both run, windows alternate, and every second pair begins with the other one, so that
 * what drifts meets both alike. From time to time both are started anew, the other one first.
 * @returns of each pair, the CPU time of a request of the first over that of the second
 */
export async function measurePairs(subjects, { pairs, quiet, parties, report }) {
  const ratios = [];
  for (let start = 0; ratios.length < pairs; start++) {
    const targets = [];
    try {
      for (const at of start % 2 === 0 ? [0, 1] : [1, 0]) targets[at] = await subjects[at].start(parties);
      for (const target of targets) await warm(target);
      const until = Math.min(pairs, ratios.length + pairsOfOne);
      while (ratios.length < until) {
        const order = ratios.length % 2 === 0 ? [0, 1] : [1, 0];
        const cost = [];
        for (const at of order) cost[at] = (await measureWindow(targets[at], scenario, quiet)).cpuUs;
        report(`pair ${ratios.length + 1}: ${cost.map((each) => each.toFixed(1)).join(' and ')} µs`);
        ratios.push(cost[0] / cost[1]);
      }
    } finally {
      await Promise.all(targets.filter(Boolean).map((target) => target.stop()));
    }
  }
  return ratios;
}
