import { spawnSync } from 'node:child_process';
import { root } from './prepare.mjs';

/** `npm run check`: everything that can be told without running the program, all of it at each run. */
const colors = `--colors=${process.stdout.isTTY ? 'force' : 'off'}`;
const checks = [
  { name: 'types', command: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  {
    name: 'lint and format',
    command: ['node_modules/@biomejs/biome/bin/biome', 'ci', colors, '--error-on-warnings'],
  },
  { name: 'unused files, exports and dependencies', command: ['node_modules/knip/bin/knip.js'] },
  { name: 'import direction', command: ['scripts/check-imports.mjs'] },
  { name: 'no cycle of files', command: ['scripts/check-cycles.mjs'] },
  { name: 'no log but of events', command: ['scripts/check-log.mjs'] },
  { name: 'time and chance as arguments', command: ['scripts/check-time.mjs'] },
  { name: 'length of functions', command: ['scripts/check-functions.mjs'] },
  { name: 'texts in one place', command: ['scripts/check-texts.mjs'] },
  { name: 'no state of modules', command: ['scripts/check-state.mjs'] },
];

let failed = 0;
for (const { name, command } of checks) {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
  console.log(`${status === 0 ? 'ok      ' : 'FAILED  '}${name}`);
  if (status === 0) continue;
  failed += 1;
  console.log(`\n${stdout}${stderr}`);
}
process.exitCode = failed > 0 ? 1 : 0;
