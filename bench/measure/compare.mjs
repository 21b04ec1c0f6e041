import { meanRatio } from '../statistics.mjs';
import { builtIn, cookieStore, traced, unwatched } from '../subjects/sallyport.mjs';
import { measureWindow, warm } from './window.mjs';

const scenario = { path: '/1k', connections: 64, seconds: 2 };
/** Starts of each build, for the time until the first answer. */
const starts = 10;

/**
 * Compares a request with a session here and as another folder has it compiled. Both run side by side; windows
 * alternate, and every second pair begins with the other one, so that what drifts meets both alike.
 * @returns ratios of CPU time a request and of the time until the first answer, this one over the other
 */
export async function compare(folder, { pairs, quiet, parties, report }) {
  const subjects = [cookieStore, builtIn('Sallyport, other folder', folder)];
  const firstAnswers = [];
  for (let start = 0; start < starts; start++) {
    const times = [];
    for (const subject of subjects) {
      const target = await subject.start(parties);
      await target.stop();
      times.push(target.firstAnswerMs);
    }
    report(`start ${start + 1}: ${times.map((time) => time.toFixed(0)).join(' and ')} ms`);
    firstAnswers.push(times[0] / times[1]);
  }
  const cpu = await comparePairs(subjects, { pairs, quiet, parties, report });
  return { cpu, start: meanRatio(firstAnswers) };
}

/** The ratio of CPU time a request of two subjects that run side by side. */
async function comparePairs(subjects, { pairs, quiet, parties, report }) {
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
    return meanRatio(ratios);
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}

/** What a request with a session costs with metrics, audit and 1 % of traces, over one without any of them. */
export const compareTraced = (needs) => comparePairs([traced, unwatched], needs);
