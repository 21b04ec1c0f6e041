import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, installDependencies } from '../../scripts/prepare.mjs';
import { writeTable } from '../../scripts/write-table.mjs';

/**
 * `npm run cookie-sizes`: signs in at Sallyport and at other proxies that keep sessions in the browser, with the same
 * kinds of tokens, and writes the table of docs/sessions.md from the Set-Cookie lines that they answer with. What is not
 * on this machine is named; the table is written only when all of them are here.
 */

installDependencies();
build(['src', 'test']);
const { freePort } = await import('../../dist/test/support/free-port.js');
const { listenOnLoopback } = await import('../../dist/test/support/listening.js');
const { tokenSets } = await import('../../dist/test/support/token-sets.js');
const { createServer } = await import('node:http');
const { startServer } = await import('../process.mjs');
const { folderFor, programs } = await import('./programs.mjs');
const { startTokenProvider } = await import('./provider.mjs');
const { signIn } = await import('./sign-in.mjs');

const folder = mkdtempSync(join(tmpdir(), 'sallyport-cookies-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const upstream = await listenOnLoopback(
  createServer((_request, response) => response.end('the application')),
);
const provider = await startTokenProvider();

const present = programs.filter((program) => {
  const isHere = Boolean(program.find());
  if (!isHere) console.error(`Not on this machine: ${program.name}. To get it:\n  ${program.get}`);
  return isHere;
});

const results = new Map(Object.keys(tokenSets).map((name) => [name, { given: 0, sizes: [] }]));
for (const program of present) {
  const port = await freePort();
  const place = folderFor(folder, program.name);
  const started = program.start({ folder: place, port, issuer: provider.issuer, upstream: upstream.url });
  const log = join(place, 'output.log');
  const server = await startServer(started.command, started.args, { port, log });
  for (const [name, result] of results) {
    provider.use(name);
    const cookies = await signIn(`http://127.0.0.1:${port}/`, program.isSession).catch((error) => {
      console.error(`${program.name}, ${name}: ${error.message}\n${readFileSync(log, 'utf8').slice(-1500)}`);
      return { bytes: 0, cookies: 0 };
    });
    result.given = provider.given();
    result.sizes.push(cookies);
  }
  await server.stop();
}
await Promise.all([provider.close(), upstream.close()]);

const number = (value) => value.toLocaleString('en-US');
const told = ({ bytes, cookies }) => (bytes === 0 ? 'none' : `${number(bytes)} in ${cookies}`);
const table = [
  `| tokens of | their bytes | ${present.map(({ name, find }) => `${name} ${find()}`).join(' | ')} |`,
  `| --- | --- | ${present.map(() => '---').join(' | ')} |`,
  ...[...results].map(
    ([name, { given, sizes }]) => `| ${name} | ${number(given)} | ${sizes.map(told).join(' | ')} |`,
  ),
].join('\n');
console.log(table);

const larger = [...results].filter(([, { sizes }]) =>
  sizes.slice(1).some(({ bytes }) => bytes > 0 && bytes <= sizes[0].bytes),
);
for (const [name] of larger) console.error(`${name}: another program's cookie is smaller`);
if (present.length === programs.length) {
  writeTable('docs/sessions.md', 'npm run cookie-sizes', table);
}
process.exit(larger.length === 0 ? 0 : 1);
