import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { parse, stringify } from 'yaml';
import { readPromptly } from '../../src/files.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

test('a reload that names a pipe, a device or a huge file is refused, and holds nobody up', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-odd-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [pipe, huge] = [join(folder, 'pipe'), join(folder, 'huge')];
  execFileSync('mkfifo', [pipe]);
  writeFileSync(huge, '');
  truncateSync(huge, 17 * 1024 * 1024);

  const gateway = await spawnGateway({ awaitProvider: false, upstream: 'http://127.0.0.1:9' });
  t.teardown(() => gateway.stop());
  const document = parse(readFileSync(gateway.file, 'utf8'));
  for (const [file, reason] of [
    [pipe, 'it is no regular file'],
    ['/dev/zero', 'it is no regular file'],
    [huge, 'it has more than 16 MiB'],
    [folder, 'EISDIR: it is a folder'],
  ] as const) {
    const before = gateway.log.lines.length;
    document.provider.clientSecret = `\${file:${file}}`;
    writeFileSync(`${gateway.file}.next`, stringify(document));
    renameSync(`${gateway.file}.next`, gateway.file);
    gateway.process.kill('SIGHUP');
    const line = await until(
      'the refusal',
      () => gateway.log.lines.slice(before).find(({ problems }) => problems !== undefined),
      20_000,
    );
    t.match(String(line.problems), `the file ${file} cannot be read (${reason}).`);
  }
});

test('files are read whole, links to them too', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-odd-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'file');
  writeFileSync(file, 'käse'.repeat(100_000));
  execFileSync('ln', ['-s', file, join(folder, 'link')]);
  t.equal(readPromptly(file), 'käse'.repeat(100_000));
  t.equal(readPromptly(join(folder, 'link')), readPromptly(file));
  t.throws(() => readPromptly(join(folder, 'none')), { code: 'ENOENT' });
  t.end();
});
