import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { projectRoot } from '../docs/documents.ts';
import { readBySallyport, saidBySallyport, sorted } from './documented.ts';

test('every configuration for another proxy is parsed or run by a test, and documented', async (t) => {
  const tests = join(projectRoot, 'test/forward-auth');
  const text = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'files.test.ts')
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

test('the scripts for HAProxy and Apache tell what Sallyport says, and ask with all that it reads', async (t) => {
  const listOf = (file: string, name: string) => {
    const text = readFileSync(join(projectRoot, 'config/forward-auth', file), 'utf8');
    const list = new RegExp(`^local ${name} = \\{([^}]*)\\}`, 'm').exec(text)?.[1] ?? '';
    return sorted([...list.matchAll(/"([^"]+)"/g)].map(([, header]) => header ?? ''));
  };
  for (const file of ['sallyport.lua', 'sallyport-apache.lua']) t.same(listOf(file, 'told'), saidBySallyport);
  const asked = listOf('sallyport-apache.lua', 'asked');
  for (const name of [...readBySallyport, 'authorization']) t.ok(asked.includes(name), name);
});
