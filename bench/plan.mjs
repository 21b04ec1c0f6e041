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

/** Answers of 1 KiB as fast as they come; every fresh process is warmed up by it. */
const small = {
  name: '1k',
  title: '1 KiB answers, as fast as they come',
  path: '/1k',
  connections: 64,
  seconds: 2,
  warmUp: 2,
};
const steady = {
  name: 'steady',
  title: '1 KiB answers at 2,000 requests a second',
  path: '/1k',
  connections: 64,
  seconds: 2,
  rate: 2000,
};
const bodies = [
  { name: '64k', title: '64 KiB answers', path: '/64k', connections: 32, seconds: 1, warmUp: 1 },
  { name: '10m', title: '10 MiB answers', path: '/10m', connections: 4, seconds: 1 },
  {
    name: 'upload-1k',
    title: '1 KiB uploads',
    path: '/upload',
    upload: 1024,
    connections: 64,
    seconds: 1,
    warmUp: 1,
  },
  {
    name: 'upload-10m',
    title: '10 MiB uploads',
    path: '/upload',
    upload: 10 * mib,
    connections: 4,
    seconds: 1,
  },
];

/** Those that are measured with every kind of body. */
const main = [cookieStore, publicRoute, clientCookie, sharedMemory, stockPlugin, nginx, haproxy];

/** All scenarios, by name and title. */
export const scenarios = [small, steady, ...bodies];

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
  return [
    ...main.map((subject) => ({ subject, scenarios })),
    ...others.map((subject) => ({ subject, scenarios: [small, steady] })),
  ];
}

/** What can be said in two minutes. */
export function quickPlan() {
  const subjects = [cookieStore, publicRoute, clientCookie, sharedMemory, stockPlugin, nginx];
  // Nothing is repeated: two minutes are two minutes on a busy machine too.
  const once = { seconds: 1, attempts: 1 };
  const short = [
    { ...small, ...once },
    { ...steady, ...once },
  ];
  return subjects.map((subject) => ({ subject, scenarios: short }));
}

/** The guard: the route that asks who it is, against the plugin that asks nobody. */
export function checkPlan() {
  return [cookieStore, stockPlugin].map((subject) => ({ subject, scenarios: [small] }));
}
