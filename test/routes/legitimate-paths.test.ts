import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { gatewayOf } from '../attack/readers/decision.ts';
import { siteTables } from './legitimate-tables.ts';

/** Lines of two columns, beside this file's source. */
const lines = (name: string): [string, string][] =>
  readFileSync(new URL(`../../../test/routes/${name}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t') as [string, string]);

const paths = lines('legitimate-paths.tsv').map(([, path]) => path);
const expected = lines('legitimate-refusals.tsv');

for (const [name, { below, routes }] of Object.entries(siteTables)) {
  test(`paths of real applications pass, but for those that are listed: ${name}`, async (t) => {
    t.ok(paths.length > 1000);
    const decide = gatewayOf(routes);
    const refused = paths.filter((path) => decide(below + path, 'GET').kind === 'refused');
    t.strictSame(
      refused,
      expected.filter(([table]) => table === name).map(([, path]) => path),
    );
    t.ok(refused.length <= paths.length / 100, `${refused.length} of ${paths.length}`);
  });
}

/** What people and programs ask for every day, and some gateway or other refuses. */
const everyday = [
  '/',
  '/reports/2024/q1.pdf',
  '/files/annual%20report.pdf',
  '/files/%C3%9Cbersicht.docx',
  '/files/%DCbersicht.doc',
  '/files/a+b.txt',
  '/wiki/U.S.',
  '/wiki/.NET',
  '/wiki/C%2B%2B',
  '/wiki/C%23',
  '/wiki/Who%3F',
  '/wiki/AC%2FDC',
  '/wiki/100%25',
  '/wiki/O%27Brien',
  '/wiki/%ED%95%9C%EA%B8%80',
  '/wiki/St%C3%A4dte_(Auswahl)',
  '/api//users',
  '/api/users/ada@example.com',
  '/api/v4/projects/group%2Fproject/issues',
  '/api/packages/@scope%2fname',
  '/v2/library/alpine/manifests/sha256:4ff3ca91275773af45cb4b0834e12b7eb47d1c18f770a0b151381cd227f4c253',
  '/cars;color=red/engines;size=2',
  '/login.jsp;jsessionid=1A530637289A03B07199A44E8D531427',
  '/~ada/index.html',
  '/.well-known/security.txt',
  '/download/archive.tar.gz',
  '/search/a,b;c',
  '/proxy/https://example.com/x.png',
  '/blog/what...now',
  '/calendar/home/ada%40example.com/',
  '/webdav/New%20folder%20(2)/~$draft.docx',
];

test(`${everyday.length} everyday paths pass, whatever the table`, async (t) => {
  t.equal(everyday.length, 31);
  for (const [name, { below, routes }] of Object.entries(siteTables)) {
    const decide = gatewayOf(routes);
    t.strictSame(
      everyday.filter((path) => decide(below + path, 'GET').kind !== 'passes'),
      [],
      name,
    );
  }
});
