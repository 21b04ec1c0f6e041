import { cookieStore } from '../subjects/sallyport.mjs';
import { measureWindow, warm } from './window.mjs';

const scenario = { path: '/1k', connections: 64, seconds: 2 };

/**
 * One process and two, each on both cores together with the load: what sharing the port costs. How much more
 * two can do cannot be seen where the load takes the second core.
 * @returns for each round, the figures of both by the number of workers
 */
export async function measureWorkers(parties, { rounds, quiet }) {
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const figures = new Map();
    for (const workers of round % 2 === 0 ? [1, 2] : [2, 1]) {
      const target = await cookieStore.start(parties, { cores: '0,1', workers });
      await warm(target);
      figures.set(workers, await measureWindow(target, scenario, quiet));
      await target.stop();
    }
    results.push(figures);
  }
  return results;
}
