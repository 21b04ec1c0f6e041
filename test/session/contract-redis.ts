import { Redis } from 'ioredis';
import type { Test } from 'tap';
import { createWoundClock } from '../support/clock.ts';
import { shareInRedis } from '../support/shared.ts';
import { until } from '../support/until.ts';
import type { ContractScene } from './contract.ts';
import { processOf } from './contract-process.ts';

/** Everything that these servers hold is as old as if so much time had passed: their clock cannot be wound. */
async function ageKeys(ports: readonly number[], ms: number): Promise<void> {
  const age = `
local left = redis.call('pttl', KEYS[1])
if left < 0 then return 0 end
if left <= tonumber(ARGV[1]) then return redis.call('del', KEYS[1]) end
return redis.call('pexpire', KEYS[1], left - tonumber(ARGV[1]))`;
  for (const port of ports) {
    const operator = new Redis({ port, host: '127.0.0.1' });
    try {
      const keys = (await operator.keys('*')).filter((key) => !key.includes(':mark:'));
      await Promise.all(keys.map((key) => operator.eval(age, 1, key, ms)));
    } finally {
      operator.disconnect();
    }
  }
}

/**
 * Processes on these servers. Their own clocks are wound too.
 * @param ports those that hold keys at the moment
 */
export function sceneInRedis(t: Test, url: string, ports: () => readonly number[]): ContractScene {
  const clock = createWoundClock();
  return {
    async join(gateway) {
      const sharing = shareInRedis({ url, ...(gateway !== undefined && { gateway }) }, clock);
      const { place } = sharing;
      t.teardown(() => place.close());
      await until('the connection', () => place.problem() === undefined, 30_000);
      return processOf(sharing, async () => place.close());
    },
    async pass(ms) {
      await ageKeys(ports(), ms);
      clock.wind(ms);
    },
  };
}
