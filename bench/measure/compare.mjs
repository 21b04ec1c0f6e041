import { meanRatio } from '../statistics.mjs';
import { builtIn, cookieStore } from '../subjects/sallyport.mjs';
import { measurePairs } from './pairs.mjs';

/** Starts of each build, for the time until the first answer. */
const starts = 10;

/**
 * Compares a request with a session here and as another folder has it compiled, in pairs.
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
  const ratios = await measurePairs(subjects, { pairs, quiet, parties, report });
  return { cpu: meanRatio(ratios), start: meanRatio(firstAnswers) };
}
