import { spawnSync } from 'node:child_process';
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
