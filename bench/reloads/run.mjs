import { parseArgs } from 'node:util';
import { build, installDependencies } from '../../scripts/prepare.mjs';

/**
 * `npm run reloads`: reloads a gateway again and again while people use it, with sessions, refreshes and WebSockets, and
 * with files that do not hold among the others. It prints a table, and fails when anything was lost.
 */
const { values } = parseArgs({
  options: {
    reloads: { type: 'string', default: '2000' },
    workers: { type: 'string', default: '1,2' },
    /** Requests a second. */
    rate: { type: 'string', default: '300' },
    people: { type: 'string', default: '20' },
    websockets: { type: 'string', default: '20' },
    /** Seconds that an access token lasts. */
    token: { type: 'string', default: '5' },
    /** Seconds without requests before memory is measured. */
    rest: { type: 'string', default: '15' },
  },
});
const numberOf = (name) => {
  const number = Number(values[name]);
  if (Number.isFinite(number) && number > 0) return number;
  console.error(`--${name} takes a number above 0, not ${values[name]}.`);
  process.exit(2);
};
const reloads = numberOf('reloads');
const options = {
  reloads,
  rate: numberOf('rate'),
  people: numberOf('people'),
  sockets: numberOf('websockets'),
  tokenSeconds: numberOf('token'),
  restMs: numberOf('rest') * 1000,
  measuredAt: Math.min(200, Math.ceil(reloads / 2)),
  report: (line) => console.error(line),
};

installDependencies();
build(['src', 'test']);
// Loaded late: they need installed packages and compiled code.
const { runReloads } = await import('../../dist/test/control/reloads/run.js');
const { brokenPromises } = await import('../../dist/test/control/reloads/verdict.js');

const runs = [];
for (const workers of values.workers.split(',').map(Number)) {
  console.error(`${reloads} reloads, workers: ${workers} …`);
  runs.push(await runReloads({ ...options, workers }));
}
const inMb = (bytes) => (bytes / 1e6).toFixed(0);
const mb = ({ rss, each }) => `${inMb(rss)} MB${each.length > 1 ? ` (${each.map(inMb).join(' + ')})` : ''}`;
const rows = [
  ['', (run) => `workers: ${run.workers}`],
  ['seconds', (run) => run.seconds.toFixed(0)],
  ['reloads', (run) => run.reloads],
  ['of them by POST /reload, the others by SIGHUP', (run) => run.posted],
  ['of them refused, each tenth', (run) => run.refused],
  ['not as they should be', (run) => run.wrong.length],
  ['requests', (run) => run.requests],
  ['requests a second', (run) => (run.requests / run.seconds).toFixed(0)],
  ['failed', (run) => run.failures.length],
  ['p99, ms', (run) => run.p99.toFixed(1)],
  ['WebSockets cut', (run) => `${run.socketsCut} of ${options.sockets}`],
  ['refreshes', (run) => run.refreshes],
  ['second refreshes', (run) => run.secondRefreshes.length],
  [`memory after ${options.measuredAt}`, (run) => mb(run.before)],
  ['memory at the end', (run) => mb(run.after)],
  [`needed after ${options.measuredAt}, garbage collected`, (run) => `${inMb(run.before.needed)} MB`],
  ['needed at the end', (run) => `${inMb(run.after.needed)} MB`],
  [`descriptors after ${options.measuredAt}`, (run) => run.before.descriptors],
  ['descriptors at the end', (run) => run.after.descriptors],
];
for (const [index, [name, of]] of rows.entries()) {
  console.log(`| ${[name, ...runs.map(of)].join(' | ')} |`);
  if (index === 0) console.log(`| --- |${runs.map(() => ' --: |').join('')}`);
}
let isKept = true;
for (const run of runs) {
  const broken = brokenPromises(run, { memory: true });
  for (const sentence of broken) console.log(`\nNot kept, workers ${run.workers}: ${sentence}`);
  if (run.notPosted !== undefined) console.log(`\nAll by SIGHUP, workers ${run.workers}: ${run.notPosted}`);
  for (const line of run.complaints.slice(0, 20)) console.log(`  ${line}`);
  isKept &&= broken.length === 0;
}
process.exit(isKept ? 0 : 1);
