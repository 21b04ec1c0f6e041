import { Redis } from 'ioredis';
import tap from 'tap';
import { startCluster } from '../support/redis-topologies.ts';
import { testStore } from './contract.ts';
import { sceneInRedis } from './contract-redis.ts';

// Started once, and emptied for each test: three servers take a while to find each other.
const { url, nodes } = await startCluster(tap);
const ports = nodes.map(({ port }) => port);

testStore('Redis Cluster', async (t) => {
  for (const port of ports) {
    const operator = new Redis({ port, host: '127.0.0.1' });
    await operator.flushall();
    operator.disconnect();
  }
  return sceneInRedis(t, url, () => ports);
});
