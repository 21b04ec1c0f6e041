import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'tap';
import { type ErrorCode, GatewayError } from '../../src/errors.ts';
import { english } from '../../src/pages/texts/languages.ts';
import { say } from '../../src/pages/texts/text.ts';
import { anchorsOf, type Page, projectRoot, proseOf, readPages } from './documents.ts';

const pages = readPages();

function pageAt(path: string): Page {
  const page = pages.find((candidate) => candidate.path === path);
  if (!page) throw new Error(`there is no ${path}`);
  return page;
}

test('the reference page and the schema file say what the code says', async (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/write-reference.mjs', '--check'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  t.equal(stderr, '');
  t.equal(status, 0);
});

test('each error code is in docs/endpoints.md with its status and its sentence, and no other', async (t) => {
  const source = readFileSync(join(projectRoot, 'src/errors.ts'), 'utf8');
  const codes = [...source.matchAll(/^ {2}(\w+): \d{3},/gm)].map(([, code]) => code as ErrorCode);
  t.ok(codes.length > 20, `${codes.length} codes`);
  const rows = pageAt('docs/endpoints.md').text.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (.*?) \|/gm);
  const documented = [...rows].map(([, code, status, sentence]) => `${code} ${status} ${sentence}`);
  const expected = codes.map((code) => {
    const { status, sentence } = new GatewayError(code);
    return `${code} ${status} ${say(english, sentence)}`;
  });
  t.strictSame(documented.sort(), expected.sort());
});

test('the commands that docs/getting-started.md lists are those of the program', async (t) => {
  const { stdout } = spawnSync(process.execPath, ['dist/src/main.js', '--help'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  const commands = [...stdout.matchAll(/^ {2}([a-z]+)(?: [[<][a-z]+[\]>])* {2,}/gm)].map(([, name]) => name);
  const rows = pageAt('docs/getting-started.md').text.matchAll(/^\| `sallyport ([a-z]+)/gm);
  t.strictSame([...rows].map(([, name]) => name).sort(), commands.filter((name) => name !== 'help').sort());
});

test('each script of package.json has its row among the commands', (t) => {
  const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    scripts: object;
  };
  const rows = [...pageAt('CONTRIBUTING.md').text.matchAll(/^\| `(?:npm|npx) (?:run )?([\w-]+)/gm)].map(
    ([, name]) => name,
  );
  // `tsc`, of which the last row tells.
  t.strictSame(
    Object.keys(scripts).filter((name) => name !== 'build' && !rows.includes(name)),
    [],
  );
  t.strictSame(
    rows.filter((name = '') => name !== 'tsc' && !(name in scripts)),
    [],
    'and there is no other',
  );
  t.end();
});

test('each file of the project that the documentation names is there', (t) => {
  const missing = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/`((?:src|test|scripts|bench|config)\/[\w./-]+)`/g)]
      .map(([, file = '']) => file)
      .filter((file) => !existsSync(join(projectRoot, file)))
      .map((file) => `${path}: ${file}`),
  );
  t.strictSame(missing, []);
  t.end();
});

test('nothing stands twice: no heading of a version in the changelog, no entry, and no row of a table', async (t) => {
  const changelog = readFileSync(join(projectRoot, 'CHANGELOG.md'), 'utf8');
  for (const version of changelog.split(/^## /m).slice(1)) {
    t.strictSame(doubled(version.match(/^### .*$/gm) ?? []), []);
    t.strictSame(doubled(version.match(/^- .*$/gm) ?? []), []);
  }
  const rows = pageAt('docs/security.md').text.match(/^\| [^|]+\|/gm) ?? [];
  t.ok(rows.length > 20);
  t.strictSame(
    doubled(rows.filter((row) => !/^\| -/.test(row))),
    [],
    'what is promised or tried has one row',
  );
});

const doubled = (lines: readonly string[]) => lines.filter((line, at) => lines.indexOf(line) !== at);

test('every relative link of the documentation leads to a file, and to a heading in it', async (t) => {
  let links = 0;
  for (const page of pages) {
    for (const [, target = ''] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links += 1;
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? page.path : join(dirname(page.path), file);
      t.ok(existsSync(join(projectRoot, path)), `${page.path} → ${target}`);
      if (anchor !== undefined)
        t.ok(anchorsOf(pageAt(path)).has(anchor), `${page.path} → ${target}: the heading`);
    }
  }
  t.ok(links > 20, `${links} links`);
});

test('every file that the documentation names is there', async (t) => {
  for (const page of pages) {
    for (const [, path = ''] of page.text.matchAll(/`((?:src|test|scripts|config|docs)\/[\w./-]+)`/g)) {
      t.ok(existsSync(join(projectRoot, path)), `${page.path}: ${path}`);
    }
  }
});

test('the README leads to every page below docs', async (t) => {
  const readme = pageAt('README.md').text;
  const unlinked = pages.filter(({ path }) => path.startsWith('docs/') && !readme.includes(`](${path})`));
  t.strictSame(
    unlinked.map(({ path }) => path),
    [],
  );
});

test('every dependency has its row in docs/dependencies.md', async (t) => {
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  const rows =
    pageAt('docs/dependencies.md')
      .text.match(/^\|.*$/gm)
      ?.join('\n') ?? '';
  const names = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((group) =>
    Object.keys(manifest[group] ?? {}),
  );
  t.ok(names.length > 10, `${names.length} dependencies`);
  for (const name of names) t.ok(rows.includes(`[${name}](`) || rows.includes(`\`${name}\``), name);
});
