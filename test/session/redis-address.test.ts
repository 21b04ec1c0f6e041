import { test } from 'tap';
import { parseRedisAddress } from '../../src/session/shared/redis-address.ts';

const plain = { tls: false, username: undefined, password: undefined, primary: '', database: 0 };

const good: Record<string, Partial<ReturnType<typeof parseRedisAddress>>> = {
  'redis://redis': { ...plain, kind: 'single', nodes: [{ host: 'redis', port: 6379 }] },
  'redis://redis/': { ...plain, kind: 'single', nodes: [{ host: 'redis', port: 6379 }] },
  'rediss://:p%40ss:word@[::1]:7000/3': {
    ...plain,
    kind: 'single',
    tls: true,
    password: 'p@ss:word',
    nodes: [{ host: '::1', port: 7000 }],
    database: 3,
  },
  'redis+sentinel://gate:secret@a,b:26380/main/2': {
    ...plain,
    kind: 'sentinel',
    username: 'gate',
    password: 'secret',
    nodes: [
      { host: 'a', port: 26_379 },
      { host: 'b', port: 26_380 },
    ],
    primary: 'main',
    database: 2,
  },
  'redis://:a/b+c=@redis/1': {
    ...plain,
    kind: 'single',
    password: 'a/b+c=',
    nodes: [{ host: 'redis', port: 6379 }],
    database: 1,
  },
  'redis+sentinel://a': {
    ...plain,
    kind: 'sentinel',
    nodes: [{ host: 'a', port: 26_379 }],
    primary: 'mymaster',
  },
  'rediss+cluster://a:1,b:2': {
    ...plain,
    kind: 'cluster',
    tls: true,
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
  },
};

for (const [address, expected] of Object.entries(good)) {
  test(address, async (t) => t.strictSame(parseRedisAddress(address), expected));
}

const bad: Record<string, string> = {
  'two hosts of one server': 'redis://a,b',
  'a host that is missing': 'redis+cluster://a,,b',
  'a port that is none': 'redis://a:70000',
  'a port of zero': 'redis://a:0',
  'a database of a cluster': 'redis+cluster://a/1',
  'a database that is no number': 'redis://a/one',
  'a path that goes on': 'redis://a/1/2',
  'a password that is not encoded': 'redis://:50%@a',
  'an @ in a password': 'redis://:p@ss@a',
  'a scheme that nobody knows': 'redis-cluster://a',
  'a blank': 'redis://a b',
  'a query': 'redis://a?db=1',
};

for (const [what, address] of Object.entries(bad)) {
  test(`${what} is refused: ${address}`, async (t) => t.equal(parseRedisAddress(address), undefined));
}
