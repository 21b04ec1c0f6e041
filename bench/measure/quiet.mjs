import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { proxyCore, watchNoise } from '../machine.mjs';

/** Work that others disturbed is tried at most so often; then the quietest time counts. */
const mostAttempts = 2;

/** What is taken for undisturbed memory is the quickest of so many looks, within a few seconds. */
const firstLooks = 30;

const probeFile = fileURLToPath(new URL('../memory-probe.mjs', import.meta.url));

/**
 * Watches for others, on this machine and on the host beneath it. Other guests of a host take no core from this
 * one, but its cache and its memory's bandwidth, which the kernel does not see; a look into memory then takes
 * several times as long.
 * @param limits.cores cores that other processes, or other guests in place of this one, may take
 * @param limits.slowness times that a look into memory may take, of the quickest one seen in this run
 */
export async function watchForQuiet(limits) {
  const probe = spawn('taskset', ['-c', proxyCore, process.execPath, probeFile], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  // Without this, a probe that died would be waited for for ever.
  const gone = new AbortController();
  probe.on('exit', () => gone.abort());
  const look = async () => {
    const answer = once(probe, 'message', { signal: gone.signal });
    probe.send('look');
    return (await answer)[0];
  };
  let quickest = await look();
  for (let count = 1; count < firstLooks; count++) {
    await pause(50);
    quickest = Math.min(quickest, await look());
  }
  return new Quiet(limits, async () => {
    const time = await look();
    quickest = Math.min(quickest, time);
    return time / quickest;
  });
}

class Quiet {
  #look;

  constructor(limits, look) {
    this.limits = limits;
    this.#look = look;
  }

  /**
   * Does some work, again when it was disturbed more than the limits allow.
   * @param work gives figures
   * @returns the figures of the quietest time, with `noise` in cores and `slowness` as a factor
   */
  async during(work, attempts = mostAttempts) {
    let best;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const before = await this.#look();
      const noiseSoFar = watchNoise();
      const figures = await work();
      const { foreign, steal } = noiseSoFar();
      const slowness = (before + (await this.#look())) / 2;
      const seen = { ...figures, noise: Math.max(foreign, steal), slowness };
      if (!best || this.#loudness(seen) < this.#loudness(best)) best = seen;
      if (this.isQuiet(seen)) break;
    }
    return best;
  }

  isQuiet(figures) {
    return this.#loudness(figures) <= 1;
  }

  #loudness({ noise, slowness }) {
    return Math.max(noise / this.limits.cores, slowness / this.limits.slowness);
  }
}
