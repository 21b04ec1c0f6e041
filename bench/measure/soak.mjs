import { runWrk } from '../load/wrk.mjs';
import { memoryBytes } from '../machine.mjs';
import { cookieStore } from '../subjects/sallyport.mjs';

const sampleSeconds = 20;
/** Growth beyond this, from the second quarter of the time to its last, is not noise of the collector. */
const mostGrowth = 1.1;

/**
 * Minutes of load as fast as it comes; tells whether memory grows.
 * @returns the samples in MB, and the growth as a factor
 */
export async function soak(parties, seconds, report) {
  const target = await cookieStore.start(parties);
  const samples = [];
  for (let passed = 0; passed < seconds; passed += sampleSeconds) {
    const { requests, failed } = await runWrk(target, {
      path: '/1k',
      connections: 64,
      seconds: Math.min(sampleSeconds, seconds - passed),
    });
    samples.push(memoryBytes(target.pid) / 1e6);
    report(
      `${passed + sampleSeconds} s: ${samples.at(-1).toFixed(1)} MB, ${requests} requests, ${failed} failed`,
    );
  }
  await target.stop();
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const growth = mean(samples.slice(-quarter)) / mean(samples.slice(quarter, 2 * quarter));
  return { samples, growth, flat: growth <= mostGrowth };
}
