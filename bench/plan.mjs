import { clientCookie, sharedMemory } from './subjects/apache.mjs';
import { stockPlugin } from './subjects/fastify.mjs';
import { findOauth2Proxy, oauth2Proxy } from './subjects/oauth2-proxy.mjs';
import { haproxy, nginx } from './subjects/plain.mjs';
import {
  bearerToken,
  cookieStore,
  memoryStore,
  onNode,
  publicRoute,
  redisStore,
} from './subjects/sallyport.mjs';

const mib = 1024 * 1024;

/** Before the warming up: what the first clients of a process see. */
const fresh = {
  name: 'fresh',
  title: '1 KiB answers at 2,000 requests a second, in the first second of a process',
  path: '/1k',
  connections: 64,
  seconds: 1,
  rate: 2000,
  attempts: 1,
};
const small = {
  name: '1k',
  title: '1 KiB answers, as fast as they come',
  path: '/1k',
  connections: 64,
  seconds: 2,
};
const steady = {
  name: 'steady',
  title: '1 KiB answers at 2,000 requests a second',
  path: '/1k',
  connections: 64,
  seconds: 3,
  rate: 2000,
  warmUp: 1,
};
const bodies = [
  { name: '64k', title: '64 KiB answers', path: '/64k', connections: 32, seconds: 1, warmUp: 2 },
  { name: '10m', title: '10 MiB answers', path: '/10m', connections: 4, seconds: 1, warmUp: 2 },
  {
    name: 'upload-1k',
    title: '1 KiB uploads',
    path: '/upload',
    upload: 1024,
    connections: 64,
    seconds: 1,
    warmUp: 2,
  },
  {
    name: 'upload-10m',
    title: '10 MiB uploads',
    path: '/upload',
    upload: 10 * mib,
    connections: 4,
    seconds: 1,
    warmUp: 2,
  },
];

/** Those that are measured with every kind of body. */
const main = [cookieStore, publicRoute, clientCookie, sharedMemory, stockPlugin, nginx, haproxy];

const warm = [small, steady, ...bodies];

/** All scenarios, in the order in which they are reported. */
export const scenarios = [...warm, fresh];

/** The whole benchmark: which subject takes part in what. */
export function fullPlan(nodes) {
  const others = [
    memoryStore,
    redisStore,
    bearerToken,
    ...nodes.map(({ version, node }) => onNode(version, node)),
  ];
  const binary = findOauth2Proxy();
  if (binary) others.push(oauth2Proxy(binary));
  return {
    fresh,
    entries: [
      ...main.map((subject) => ({ subject, scenarios: warm })),
      ...others.map((subject) => ({ subject, scenarios: [small, steady] })),
    ],
  };
}

/** What can be said in two minutes, of one process of each. */
export function quickPlan() {
  const subjects = [cookieStore, publicRoute, clientCookie, sharedMemory, stockPlugin, nginx];
  // Nothing is repeated: two minutes are two minutes on a busy machine too.
  const short = [small, steady].map((scenario) => ({ ...scenario, attempts: 1 }));
  return { entries: subjects.map((subject) => ({ subject, scenarios: short })) };
}

/** The guard: the route that asks who it is, against the plugin that asks nobody. */
export function checkPlan() {
  return { entries: [cookieStore, stockPlugin].map((subject) => ({ subject, scenarios: [small] })) };
}
