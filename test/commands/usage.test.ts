import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'tap';
import { extraWords, startProblem } from '../../src/commands/usage.ts';
import { projectRoot } from '../docs/documents.ts';

const main = join(projectRoot, 'dist', 'src', 'main.js');

const run = (args: string[], cwd = projectRoot) => {
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { cwd, encoding: 'utf8' });
  return { status, stderr };
};

test('a misspelt command is told as such, with the command that was meant', async (t) => {
  const { status, stderr } = run(['chekc']);
  t.equal(status, 1);
  t.match(
    stderr,
    /^error: there is no command 'chekc'\. Did you mean check\? The commands are serve, demo, /,
  );
});

test('a configuration file without -c is told where it goes', async (t) => {
  for (const args of [['serve', 'my.yaml'], ['./conf/my.yaml']]) {
    const { status, stderr } = run(args);
    t.equal(status, 1);
    t.match(stderr, `sallyport serve -c ${args.at(-1)}`);
  }
  t.match(extraWords(['frobnicate'], ['serve', 'check']), /'frobnicate'\. The commands are serve, check;/);
});

test('a configuration that cannot be read ends with 78 and says what was looked at', async (t) => {
  const folder = t.testdir({ 'empty.yaml': '' });
  for (const command of ['serve', 'check']) {
    const missing = run([command, '-c', 'none.yaml'], folder);
    t.equal(missing.status, 78);
    t.match(missing.stderr, /none\.yaml: .*ENOENT: there is no such file.* Looked at \//);
    const empty = run([command, '-c', 'empty.yaml'], folder);
    t.equal(empty.status, 78);
    t.match(empty.stderr, /empty\.yaml:1:1: the file is empty/);
  }
});

test('an address that cannot be listened on is told with what to do', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const second = createServer();
  const error = await new Promise((resolve) => second.once('error', resolve).listen(port, '127.0.0.1'));
  t.match(startProblem(error), new RegExp(`127\\.0\\.0\\.1:${port}\\. Another program .*set \`listen\``));
  const refused = Object.assign(new Error('listen EACCES: permission denied 0.0.0.0:80'), {
    code: 'EACCES',
    syscall: 'listen',
  });
  t.match(startProblem(refused), /port from 1024 on/);
  const file = Object.assign(new Error('EACCES: permission denied, open /a'), {
    code: 'EACCES',
    syscall: 'open',
  });
  t.equal(startProblem(file), file.message, 'a file is another thing');
});

test('a file that a key names and that cannot be used ends the start with 78, and the place of the key', async (t) => {
  const folder = t.testdir({ garbage: 'garbage' });
  const cases: [lines: string, says: RegExp][] = [
    [
      'listen: { address: 127.0.0.1:0, tls: { cert: /none.pem, key: /none.pem } }',
      /a\.yaml:9:\d+: listen\.tls\.cert: ENOENT: no such file/,
    ],
    [
      `listen: { address: 127.0.0.1:0, tls: { cert: ${folder}/garbage, key: ${folder}/garbage } }`,
      /a\.yaml:9:\d+: listen\.tls: .*garbage cannot be used with the key/,
    ],
    ['provider: { ca: /none.pem }', /a\.yaml:5:\d+: provider\.ca: ENOENT: no such file/],
    ['provider: { privateKey: /none.pem }', /a\.yaml:5:\d+: provider\.privateKey: it is no PEM.*ENOENT/],
  ];
  for (const [line, says] of cases) {
    const [, own] = /^provider: \{ (.*) \}$/.exec(line) ?? [];
    const text = `publicUrl: http://127.0.0.1:1
upstream: http://127.0.0.1:2
provider:
  issuer: http://127.0.0.1:3
  ${own ?? 'label: x'}
  clientId: app
  ${line.includes('privateKey') ? 'clientAuth: private_key_jwt' : 'clientSecret: s3cret'}
session: { secret: ${Buffer.alloc(32, 7).toString('base64')} }
${own === undefined ? line : 'admin: { listen: off }'}
`;
    writeFileSync(join(folder, 'a.yaml'), text);
    const { status, stderr } = run(['serve', '-c', 'a.yaml'], folder);
    t.match(stderr, says);
    t.equal(status, 78, line);
  }
});
