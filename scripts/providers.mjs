import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, installDependencies, root } from './prepare.mjs';
import { canInstall, installPackages, missingPackages } from './test-programs.mjs';
import { writeTable } from './write-table.mjs';

/**
 * `npm run providers`: goes through every flow with providers that no one here wrote, and writes the table of
 * docs/providers/flows.md. Names of files in test/providers/kits after the command try those alone, and write their
 * columns anew: `npm run providers -- glewlwyd lemonldap-ng`. One that is not on this machine, and that cannot be got, is
 * named at the end.
 */
const known = readdirSync(join(root, 'test/providers/kits')).map((file) => file.replace(/\.ts$/, ''));
const names = process.argv.length > 2 ? process.argv.slice(2) : known;
const strange = names.filter((name) => !known.includes(name));
if (strange.length > 0) {
  console.error(`No file in test/providers/kits: ${strange.join(', ')}. There are ${known.join(', ')}.`);
  process.exit(1);
}
const programs = missingPackages();
if (programs.length > 0 && canInstall()) installPackages(programs);
installDependencies();
build(['src', 'test']);

const notHere = 77;
const results = mkdtempSync(join(tmpdir(), 'sallyport-providers-'));
const failed = [];
for (const name of names) {
  console.log(`${name} …`);
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'dist/test/providers/each.js')], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TAP_TIMEOUT: '900', PROVIDERS_KIT: name, PROVIDERS_RESULTS: results },
  });
  if (status === notHere) console.log(`  ${stdout.trim()}`);
  else if (status !== 0) {
    failed.push(name);
    console.log(stdout);
  }
}
const outcomes = readdirSync(results).map((file) => JSON.parse(readFileSync(join(results, file), 'utf8')));
rmSync(results, { recursive: true, force: true });
for (const { name, version, cells } of outcomes) {
  console.log(`${name} ${version}`);
  for (const [flow, cell] of Object.entries(cells)) console.log(`  ${flow.padEnd(30)} ${cell}`);
}
keepOutcomes(outcomes.filter(({ cells }) => !Object.values(cells).includes('FAILED')));
if (failed.length > 0)
  console.error(`\nFailed: ${failed.join(', ')}. What the table says of them is as it was.`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** What went well in this run takes the place of those before; the others stay. */
function keepOutcomes(good) {
  const file = join(root, 'docs/providers/flows.json');
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  const isNew = ({ name }) => good.some((outcome) => outcome.name === name);
  const all = [...before.filter((outcome) => !isNew(outcome)), ...good];
  all.sort((a, b) => a.name.localeCompare(b.name, 'en'));
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  writeTable('docs/providers/flows.md', 'npm run providers', tableOf(all));
  console.log('\ndocs/providers/flows.md has the table.');
}

function tableOf(all) {
  const notes = [];
  const cellOf = (cell) => {
    if (cell === undefined) return 'not tried';
    if (cell === 'works') return cell;
    if (!notes.includes(cell)) notes.push(cell);
    return `[${notes.indexOf(cell) + 1}]`;
  };
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const flows = [...new Set(all.flatMap(({ cells }) => Object.keys(cells)))];
  return [
    line(['', ...all.map(({ name, version }) => `${name} ${version}`)]),
    line(['---', ...all.map(() => '---')]),
    ...flows.map((flow) => line([flow, ...all.map(({ cells }) => cellOf(cells[flow]))])),
    '',
    ...notes
      .map((note, at) => `[${at + 1}] ${note}.`)
      .join('\n\n')
      .split('\n'),
  ].join('\n');
}
