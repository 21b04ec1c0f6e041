import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, installDependencies, root } from '../scripts/prepare.mjs';
import { ensurePrograms, installNodes, versions } from './programs.mjs';

/**
 * `npm run bench`: measures the gateway beside its peers and writes bench/results.md.
 * `npm run bench -- quick` does the most important part in two minutes, `check` fails when the authenticated
 * route costs more than the limit, `compare` sets two versions side by side, `cost` a request with and without metrics, audit, limits and traces, `soak` looks for growing memory, `profile` says where the time goes.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    /** Cores that others may take while a window is measured. */
    noise: { type: 'string', default: '0.03' },
    /** Times that a look into memory may take then, of the quickest one. */
    slowness: { type: 'string', default: '2' },
    /** Of `check`: the most that the authenticated route may cost, in costs of the bare plugin. */
    limit: { type: 'string', default: '1' },
    /** Of `soak`. */
    minutes: { type: 'string', default: '10' },
    /** Of `compare`: a folder in which another version is compiled. */
    with: { type: 'string' },
    pairs: { type: 'string', default: '20' },
    /** Of `cost`. */
    on: { type: 'string', default: 'metrics,audit,limits' },
    most: { type: 'string' },
    /** Of `profile`. */
    path: { type: 'string', default: '/1k' },
    /** Where the results go. */
    output: { type: 'string', default: join(root, 'bench', 'results.md') },
  },
});
const [mode = 'full'] = positionals;
for (const name of ['rounds', 'noise', 'slowness', 'limit', 'minutes', 'pairs', 'most']) {
  const value = values[name];
  if (value === undefined || Number(value) > 0) continue;
  console.error(`--${name} takes a number above 0, not ${value}.`);
  process.exit(2);
}
const report = (line) => console.log(line);

ensurePrograms();
installDependencies();
build(['src', 'test']);
// Loaded late: they need installed packages and compiled code.
const { leaveProxyCore } = await import('./machine.mjs');
const { startParties } = await import('./parties.mjs');
leaveProxyCore();
const started = performance.now();
const parties = await startParties();
process.exitCode = await run();
await parties.stop();
process.exit();

async function run() {
  switch (mode) {
    case 'full':
    case 'quick':
      return measure(mode);
    case 'check':
      return check();
    case 'soak':
      return soakFor(Number(values.minutes) * 60);
    case 'compare':
      return compareWith(values.with);
    case 'cost':
      return costOf(values.on.split(','));
    case 'profile':
      return showProfile();
    default:
      console.error(`There is no ${mode}: full, quick, check, compare, cost, soak and profile there are.`);
      return 1;
  }
}

async function watch() {
  const { watchForQuiet } = await import('./measure/quiet.mjs');
  return watchForQuiet({ cores: Number(values.noise), slowness: Number(values.slowness) });
}

async function measure(extent) {
  const { fullPlan, quickPlan, scenarios } = await import('./plan.mjs');
  const { measureRounds } = await import('./rounds.mjs');
  const { checkOtherPromises, checkPromises } = await import('./targets.mjs');
  const { writeReport } = await import('./report.mjs');
  const isFull = extent === 'full';
  const rounds = Number(values.rounds ?? (isFull ? 5 : 1));
  const plan = isFull ? fullPlan(installNodes([24, 26])) : quickPlan();
  const quiet = await watch();
  const results = await measureRounds(plan, { rounds, quiet, parties, report });
  const measured = { results, scenarios };
  if (isFull) {
    const { measureOthers } = await import('./others.mjs');
    Object.assign(measured, await measureOthers(results, { rounds, quiet, parties, report }));
  }
  const promises = [...checkPromises(results), ...checkOtherPromises(measured)];
  const seconds = (performance.now() - started) / 1000;
  const command = `npm run bench${isFull ? '' : ` -- ${extent}`}`;
  const text = writeReport({ command, versions: versions(), quiet, measured, seconds, promises });
  console.log(`\n${text}`);
  if (isFull) writeFileSync(values.output, text);
  return promises.every(({ kept }) => kept) ? 0 : 1;
}

async function check() {
  const { checkPlan } = await import('./plan.mjs');
  const { measureRounds } = await import('./rounds.mjs');
  const { ratio } = await import('./statistics.mjs');
  const plan = checkPlan();
  const rounds = Number(values.rounds ?? 5);
  const quiet = await watch();
  const results = await measureRounds(plan, { rounds, quiet, parties, report });
  const [{ subject }, { subject: bare }] = plan.entries;
  const measured = ratio(results.get('1k') ?? [], subject.name, bare.name, 'cpuUs');
  if (!measured) return 1;
  const found = measured.median;
  const kept = found <= Number(values.limit);
  console.log(`\nAuthenticated route over bare plugin: ${found.toFixed(2)}; the limit is ${values.limit}.`);
  return kept ? 0 : 1;
}

async function soakFor(seconds) {
  const { soak } = await import('./measure/soak.mjs');
  const { growth, flat } = await soak(parties, seconds, report);
  console.log(`\nMemory at the end over memory in the second quarter: ${growth.toFixed(3)}.`);
  return flat ? 0 : 1;
}

async function compareWith(folder) {
  if (folder === undefined) {
    console.error('compare takes --with=FOLDER, in which another version is compiled (npm run build).');
    return 2;
  }
  const { compare } = await import('./measure/compare.mjs');
  const pairs = Number(values.pairs);
  const { cpu, start } = await compare(folder, { pairs, quiet: await watch(), parties, report });
  const words = ({ mean, from, to }) => `${mean.toFixed(3)} (95 %: ${from.toFixed(3)} to ${to.toFixed(3)})`;
  console.log(`\nCPU of a request with a session, this over the other, ${pairs} pairs: ${words(cpu)}.`);
  console.log(`Time until the first answer: ${words(start)}.`);
  return 0;
}

/** Fails where `--most` is exceeded, such as 1.05. */
async function costOf(names) {
  const { measureCost, settings } = await import('./measure/cost.mjs');
  const { medianWithin } = await import('./statistics.mjs');
  const unknown = names.filter((name) => !Object.hasOwn(settings, name));
  if (unknown.length > 0) {
    console.error(`--on takes some of ${Object.keys(settings).join(', ')}, not ${unknown.join(', ')}.`);
    return 2;
  }
  const pairs = Number(values.pairs);
  const ratios = await measureCost(names, { pairs, quiet: await watch(), parties, report });
  const { median, from, to, share } = medianWithin(ratios);
  const percent = (ratio) => `${((ratio - 1) * 100).toFixed(1)} %`;
  console.log(
    `\nCPU of a request with a session, with ${names.join(', ')} over without, the median of ${pairs} alternating pairs: ` +
      `${percent(median)} more (${(share * 100).toFixed(0)} %: ${percent(from)} to ${percent(to)}).`,
  );
  return values.most === undefined || median <= Number(values.most) ? 0 : 1;
}

async function showProfile() {
  const { profile } = await import('./measure/profile.mjs');
  const { parts, functions } = await profile(parties, { path: values.path, seconds: 10 });
  for (const rows of [parts.slice(0, 25), functions.slice(0, 50)]) {
    console.log(`\n${rows.map((row) => row.join('  ')).join('\n')}`);
  }
  return 0;
}
