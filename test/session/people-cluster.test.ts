import { Redis } from 'ioredis';
import tap from 'tap';
import { startCluster } from '../support/redis-topologies.ts';
import { instancesOn } from './people-redis.ts';
import { testPeople } from './people-suite.ts';

const { url, nodes } = await startCluster(tap);

testPeople('Redis Cluster', async (t) => {
  for (const { port } of nodes) {
    const operator = new Redis({ port, host: '127.0.0.1' });
    await operator.flushall();
    operator.disconnect();
  }
  return instancesOn(t, { store: url });
});
