import { measureWindow, warm } from './window.mjs';

const scenario = { path: '/1k', connections: 64, seconds: 2 };

/**
 * Sets two subjects side by side: both run, windows alternate, and every second pair begins with the other one, so that
 * what drifts meets both alike.
 * @returns of each pair, the CPU time of a request of the first over that of the second
 */
export async function measurePairs(subjects, { pairs, quiet, parties, report }) {
  const targets = [];
  try {
    for (const subject of subjects) targets.push(await subject.start(parties));
    for (const target of targets) await warm(target);
    const ratios = [];
    for (let pair = 0; pair < pairs; pair++) {
      const order = pair % 2 === 0 ? [0, 1] : [1, 0];
      const cost = [];
      for (const at of order) cost[at] = (await measureWindow(targets[at], scenario, quiet)).cpuUs;
      report(`pair ${pair + 1}: ${cost.map((each) => each.toFixed(1)).join(' and ')} µs`);
      ratios.push(cost[0] / cost[1]);
    }
    return ratios;
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}
