// What look-ups cost in the bounded map and in maps by hand, in processor time:
// `npm run build && node bench/bounded-maps.mjs`.
import { createBounded } from '../dist/src/bounded.js';
import { median } from './statistics.mjs';

const now = () => performance.now();
const never = 1e15;

/** The gateway has many of them with different rules in one process, and so has this one. */
for (let made = 0; made < 20; made++) {
  const other = createBounded({
    entries: 100,
    bytes: { most: 999, of: ({ bytes }) => bytes },
    ends: { at: ({ until }) => until, now },
    givesWay: made % 2 === 0 ? 'oldest' : 'unused',
  });
  for (let each = 0; each < 2000; each++) {
    other.set(`${each % 150}`, { until: never, bytes: 1 });
    other.get(`${each % 170}`);
  }
}

const names =
  'Host Connection User-Agent Accept Accept-Encoding Accept-Language Cookie Referer Origin DNT'.split(' ');
const keys = Array.from({ length: 5000 }, (_, at) => `${at}`.padStart(44, 'k'));
const entries = () => keys.map((key) => [key, { key, until: never, bytes: 4000, used: false }]);

function fill(bounded) {
  for (const [key, entry] of entries()) bounded.set(key, entry);
  return bounded;
}
const bytes = { most: 64 * 1024 * 1024, of: (entry) => entry.bytes };
const ends = { at: ({ until }) => until, now };

const byHand = {
  names: new Map(),
  ends: new Map(entries()),
  used: new Map(entries()),
  plain: new Map(entries()),
};
const bounded = {
  names: createBounded({ entries: 1000, givesWay: 'newcomer' }),
  ends: fill(createBounded({ entries: 20_000, bytes, ends })),
  used: fill(createBounded({ entries: 20_000, bytes, givesWay: 'unused' })),
  plain: fill(createBounded({ entries: 20_000, ends })),
};
for (const name of names) {
  byHand.names.set(name, name.length);
  bounded.names.set(name, name.length);
}

let sum = 0;
const ways = {
  'ten names of headers, by hand': () => {
    for (const name of names) sum += byHand.names.get(name);
  },
  'ten names of headers, bounded': () => {
    for (const name of names) sum += bounded.names.peek(name);
  },
  'an opened cookie, by hand': (at) => {
    const entry = byHand.used.get(keys[at]);
    entry.used = true;
    sum += entry.bytes;
  },
  'an opened cookie, bounded': (at) => {
    sum += bounded.used.get(keys[at]).bytes;
  },
  'an access token, by hand': (at) => {
    const entry = byHand.ends.get(keys[at]);
    if (entry.until > now()) sum += entry.bytes;
  },
  'an access token, bounded': (at) => {
    sum += bounded.ends.get(keys[at]).bytes;
  },
  'a sign-out, by hand': (at) => {
    sum += byHand.plain.get(keys[at]).bytes;
  },
  'a sign-out, bounded': (at) => {
    sum += bounded.plain.peek(keys[at]).bytes;
  },
};

const repeats = 200_000;
function measure(way) {
  const before = process.cpuUsage();
  for (let repeat = 0; repeat < repeats; repeat++) way(repeat % keys.length);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / repeats;
}

/** A flood of keys that nobody had before, each of which pushes out the oldest: it must not cost more where more are kept. */
const floods = Object.fromEntries(
  [1000, 50_000].map((most) => {
    const kept = createBounded({ entries: most });
    for (let at = 0; at < most; at++) kept.set(`first ${at}`, at);
    let key = 0;
    return [`a new key of a flood, ${most} kept`, () => kept.set(`key ${key++}`, key)];
  }),
);

const found = Object.fromEntries(Object.keys({ ...ways, ...floods }).map((name) => [name, []]));
for (let round = 0; round < 31; round++) {
  for (const [name, way] of Object.entries({ ...ways, ...floods })) found[name].push(measure(way));
}
for (const [name, nanoseconds] of Object.entries(found)) {
  console.log(`${name.padEnd(32)} ${median(nanoseconds).toFixed(1).padStart(7)} ns`);
}
if (sum === 0) console.log('nothing was found');
