import { startRedis } from '../support/redis.ts';
import { testStore } from './contract.ts';
import { sceneInRedis } from './contract-redis.ts';

testStore('Redis', async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  return sceneInRedis(t, redis.url, () => [redis.port]);
});
