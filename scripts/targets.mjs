import { parseArgs } from 'node:util';
import { build, installDependencies } from './prepare.mjs';
import { canInstall, installCommand, installPackages, missingPackages } from './test-programs.mjs';
import { writeTable } from './write-table.mjs';

/**
 * `npm run targets`: has one of two targets freeze, end, be slow, answer 500 or move, while requests go to them through
 * Sallyport, HAProxy and Caddy side by side, and writes the table of docs/targets.md. It fails when a request through
 * Sallyport failed after the first second.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    /** Requests a second to each proxy. */
    rate: { type: 'string', default: '100' },
    /** Seconds behind each fault. */
    seconds: { type: 'string', default: '6' },
    /** Of the faults, by their keys. */
    only: { type: 'string' },
    /** Prints the failed requests, too. */
    verbose: { type: 'boolean', default: false },
  },
});
const numberOf = (name) => {
  const number = Number(values[name]);
  if (Number.isFinite(number) && number > 0) return number;
  console.error(`--${name} takes a number above 0, not ${values[name]}.`);
  process.exit(2);
};
// What was started ends with this process, as its `exit` is told.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
const [rounds, perSecond, seconds] = ['rounds', 'rate', 'seconds'].map(numberOf);

const missing = missingPackages(
  ['haproxy', 'caddy', 'dnsmasq'].map((command) => ({ command, package: packageOf(command) })),
);
if (missing.length > 0 && !canInstall()) {
  console.error(`These programs are needed: ${installCommand(missing)}`);
  process.exit(1);
}
if (missing.length > 0) installPackages(missing, 'this comparison');
installDependencies();
build(['src', 'test']);
const { faults } = await import('../dist/test/forward/target-faults/faults.js');
const { proxies } = await import('../dist/test/forward/target-faults/proxies.js');
const { canHaveDns } = await import('../dist/test/forward/target-faults/places.js');
const { runTrial } = await import('../dist/test/forward/target-faults/run.js');

if (!canHaveDns()) {
  console.error(
    'Names that change take a mount namespace of their own: run this as root, where `unshare --mount` is allowed.',
  );
  process.exit(1);
}
const chosen = faults.filter(({ key }) => values.only === undefined || values.only.split(',').includes(key));
const results = new Map(chosen.map((fault) => [fault, new Map(proxies.map(({ name }) => [name, []]))]));
for (let round = 1; round <= rounds; round++) {
  for (const fault of chosen) {
    const trial = await runTrial({ fault, proxies, perSecond, forMs: seconds * 1000, longestMs: 5000 });
    for (const result of trial) {
      results.get(fault).get(result.proxy.name).push(result);
      const bad = [...result.first, ...result.after].filter(({ isGood }) => !isGood);
      console.error(`round ${round}, ${fault.key}, ${result.proxy.name}: ${bad.length} failed`);
      if (values.verbose) tell(bad, result);
    }
  }
}

function tell(bad, { log }) {
  for (const { method, startedAt, tookMs, answer } of bad.slice(0, 30))
    console.error(`  ${method} at ${startedAt.toFixed(0)}: ${answer}, after ${tookMs.toFixed(0)} ms`);
  console.error(log.split('\n').slice(-12).join('\n'));
}

function packageOf(command) {
  return command === 'dnsmasq' ? 'dnsmasq-base' : command;
}

const failedIn = (trials, part, method) =>
  trials.reduce(
    (sum, trial) => sum + trial[part].filter((each) => !each.isGood && each.method === method).length,
    0,
  );
const longest = (trials) =>
  Math.max(
    0,
    ...trials.flatMap(({ first, after }) =>
      [...first, ...after].filter(({ isGood }) => isGood).map(({ tookMs }) => tookMs),
    ),
  );
const cell = (trials) => {
  const counts = (part) => `${failedIn(trials, part, 'GET')} + ${failedIn(trials, part, 'POST')}`;
  return `${counts('first')} / ${counts('after')}, ${(longest(trials) / 1000).toFixed(1)} s`;
};
const line = (cells) => `| ${cells.join(' | ')} |`;
const sent = [...results.values()].flatMap((byName) => byName.get('Sallyport'));
const table = [
  line(['one of two targets is', ...proxies.map((proxy) => `${proxy.name} ${proxy.version()}`)]),
  line(['---', ...proxies.map(() => '---')]),
  ...[...results].map(([{ title }, byName]) =>
    line([title, ...proxies.map(({ name }) => cell(byName.get(name)))]),
  ),
  '',
  `${rounds} rounds, ${perSecond} requests a second to each proxy, of which one in five is a POST.`,
].join('\n');
console.log(table);
if (values.only === undefined) {
  writeTable('docs/targets.md', 'npm run targets', table);
}
const late = sent.reduce((sum, { after }) => sum + after.filter(({ isGood }) => !isGood).length, 0);
if (late > 0) console.log(`\nNot kept: ${late} requests through Sallyport failed after the first second.`);
process.exit(late > 0 ? 1 : 0);
