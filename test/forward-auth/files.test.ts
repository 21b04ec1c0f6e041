import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from '../docs/documents.ts';

test('every configuration for another proxy is parsed or run by a test, and documented', async (t) => {
  const tests = join(projectRoot, 'test/forward-auth');
  const text = readdirSync(tests)
    .filter((name) => name !== 'files.test.ts')
    .map((name) => readFileSync(join(tests, name), 'utf8'))
    .join('');
  const page = readFileSync(join(projectRoot, 'docs/forward-auth.md'), 'utf8');
  const files = readdirSync(join(projectRoot, 'config/forward-auth'));
  t.ok(files.length >= 13);
  for (const file of files) {
    t.ok(text.includes(`'${file}'`), `${file} is in a test`);
    t.ok(page.includes(`(../config/forward-auth/${file})`), `${file} is in the documentation`);
  }
});
