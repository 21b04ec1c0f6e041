// What a decision about a path costs: plain ones, legitimate odd ones, and the worst that 8 KiB of one odd token can
// do at depth 6 of nested routes of one name. `npm run build && node bench/path-reading.mjs`.
import { readFileSync } from 'node:fs';
import { gatewayOf } from '../dist/test/attack/readers/decision.js';
import { climbs, junk, lettersLike, slashes } from '../dist/test/attack/readers/tokens.js';

const rounds = 9;
/** The longest path with an odd token that is read at all. */
const longest = 8192;

const closed = [{ groups: 'admins' }];
const site = gatewayOf([
  { path: '/', allow: 'signed-in' },
  { path: '/assets', allow: 'public' },
  { path: '/api', allow: closed },
  { path: '/api/open', allow: 'public' },
]);
/** /a, /a/a, … of two accesses in turn, and of one with a closed end: there nothing is refused early. */
const depths = [1, 2, 3, 4, 5, 6];
const nested = [
  gatewayOf(
    depths.map((depth) => ({
      path: '/a'.repeat(depth),
      allow: depth % 2 === 0 ? 'public' : 'signed-in',
    })),
  ),
  gatewayOf([
    { path: '/', allow: 'public' },
    ...depths.map((depth) => ({ path: `${'/a'.repeat(depth)}/b`, allow: 'signed-in' })),
  ]),
];

const plain = ['/', '/reports/2024/q1.pdf', '/assets/app.4f3a.js', '/api/users/42', '/api/open/status'];
const listed = readFileSync(new URL('../test/routes/legitimate-paths.tsv', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.includes('\t') && !line.startsWith('#'))
  .map((line) => line.split('\t')[1]);

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Nanoseconds of this process's processor time: others that run meanwhile do not count. */
function used() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Nanoseconds for one decision, the median of the rounds. */
function cost(decide, paths, repeats) {
  const figures = Array.from({ length: rounds }, () => {
    const start = used();
    for (let at = 0; at < repeats; at++) decide(paths[at % paths.length], 'GET');
    return (used() - start) / repeats;
  });
  return median(figures);
}

cost(site, plain, 100_000);
process.stdout.write(`plain paths: ${cost(site, plain, 100_000).toFixed(0)} ns\n`);
process.stdout.write(`paths of real applications: ${cost(site, listed, 20_000).toFixed(0)} ns\n`);

const tokens = [...new Set([...slashes, ...climbs, ...junk, ...lettersLike('a')])];
const units = tokens.flatMap((token) => [
  token,
  `a${token}`,
  `/a${token}`,
  `${token}a`,
  `/${token}`,
  `${token}/a/`,
]);
const paths = units
  .map((unit) => `/${unit.repeat(Math.floor((longest - 1) / unit.length))}`)
  .filter((path) => !path.includes('#'));
for (const decide of nested) cost(decide, paths.slice(0, 200), 200);
const worst = paths
  .map((path) => ({ path, took: Math.max(...nested.map((decide) => cost(decide, [path], 4))) }))
  .sort((one, other) => other.took - one.took);
for (const { path, took } of worst.slice(0, 5))
  process.stdout.write(`8 KiB of ${JSON.stringify(path.slice(1, 24))}: ${(took / 1e6).toFixed(2)} ms\n`);
