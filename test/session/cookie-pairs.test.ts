import fc from 'fast-check';
import { test } from 'tap';
import { gatewayCookies } from '../../src/session/cookie-names.ts';
import { joinChunks, parseCookies } from '../../src/session/cookies.ts';
import { createOpenedCookies } from '../../src/session/opened-cookies.ts';

const name = '__Host-sallyport';

/** The cookies of a configuration that names the session's so. */
const cookiesOf = (session: string | undefined) =>
  gatewayCookies({
    session: { cookie: { name: session, domain: undefined, sameSite: 'lax', path: '/' } },
    publicUrl: ['https://app.example.com'],
    providers: {},
    routes: [],
  } as unknown as Parameters<typeof gatewayCookies>[0]);

test('pairs end at a semicolon, and names lose SP and HTAB at their ends, and nothing else', async (t) => {
  const names = (header: string) => parseCookies(header).map((cookie) => cookie.name);
  t.same(names(`a=1; ${name}=v`), ['a', name]);
  t.same(names(`\t ${name}\t =v`), [name]);
  for (const header of [
    `\u00a0${name}=v`,
    `${name}\u00a0=v`,
    `\u000b${name}=v`,
    `\ufeff${name}=v`,
    `a=1 ${name}=v`,
    `a=1, ${name}=v`,
    `a=1\u00a0${name}=v`,
    `"${name}"=v`,
    `__host-sallyport=v`,
  ]) {
    t.notOk(names(header).includes(name), JSON.stringify(header));
  }
  t.same(parseCookies('a=1;b;=2; =3;;c="x;y"'), [
    { name: 'a', value: '1' },
    { name: 'c', value: '"x' },
  ]);
});

test('what is remembered is found in a header exactly where what is parsed would be', async (t) => {
  const sealed = 'A'.repeat(60);
  const opened = createOpenedCookies<string>(name);
  opened.remember(sealed, 'session', 10);
  const piece = fc.constantFrom(
    ...[
      name,
      '=',
      ';',
      ' ',
      '\t',
      '\u00a0',
      ',',
      '"',
      'x',
      `${name}=1${sealed}`,
      `1${sealed}`,
      '; ',
      `${name}.1=`,
    ],
  );
  let found = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const header = pieces.join('');
      const own = parseCookies(header).filter((cookie) => cookie.name === name);
      const isThere = own.length === 1 && own[0]?.value === `1${sealed}`;
      if (isThere) found++;
      return (opened.recall(header) === 'session') === isThere;
    }),
    { numRuns: 5000 },
  );
  t.ok(found > 50, `it was there ${found} times`);
});

test('a header of many pairs, or of none, is read in a time that grows with its length', async (t) => {
  for (const header of ['a;'.repeat(32_000), '='.repeat(64_000), ';'.repeat(64_000), 'a'.repeat(64_000)]) {
    const start = performance.now();
    parseCookies(header);
    createOpenedCookies(name).recall(header);
    t.ok(performance.now() - start < 250, `${header.slice(0, 4)}…: ${performance.now() - start} ms`);
  }
});

test('a pair in which some reader could find our cookie is told from those of others', async (t) => {
  const { hides } = cookiesOf(undefined);
  for (const pair of [
    `${name}=v`,
    ` ${name}=v`,
    `a=1, ${name}=v`,
    `\u00a0${name}.2=v`,
    `"${name}=v`,
    `a=b ${name}-login-x=v`,
  ]) {
    t.ok(hides(pair), JSON.stringify(pair));
  }
  for (const pair of [
    'theme=dark',
    `my${name}=v`,
    `x=${name}`,
    `back=/?${name}=v`,
    'sallyport=its own',
    `${name}er=v`,
  ]) {
    t.notOk(hides(pair), JSON.stringify(pair));
  }
});

/** Slow, and plain to see: a name of ours at a place where some reader may begin, and what may stand behind it. */
const hiding = /(^|[^!#-+\--~])sallyport([.-][^=;]*)?[^!-~]*=/i;

test('a name of ours is found in a pair wherever some reader may see it', async () => {
  const { hides } = cookiesOf('sallyport');
  const piece = fc.constantFrom(
    ...[
      'sallyport',
      'SallyPort',
      'sally',
      '=',
      '.1',
      '-login-x',
      '.',
      '-',
      ',',
      '"',
      ' ',
      '\t',
      '\xa0',
      'a',
      '\0',
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const pair = pieces.join('');
      return hides(pair) === hiding.test(pair);
    }),
    { numRuns: 5000 },
  );
});

test('no header of cookies takes longer than its length, whatever is in it', async (t) => {
  const { hides } = cookiesOf('sallyport');
  const size = 60_000;
  const pairs = {
    'blanks behind a name': `a,sallyport.${' '.repeat(size)}x`,
    'blanks and an equals sign': `a=,sallyport${' '.repeat(size)}x`,
    'many names': ',sallyport-'.repeat(size / 11),
    'many names and an equals sign before': `=${',sallyport'.repeat(size / 10)}`,
  };
  for (const [what, pair] of Object.entries(pairs)) t.ok(took(() => hides(pair)) < slowMs, what);

  const twice = (index: number) => `sallyport.${index}=a; sallyport.${index}=b`;
  const headers = {
    'first chunks alone': 'sallyport=8A; '.repeat(size / 14),
    'all but the last chunk': `${'sallyport=8A; '.repeat(size / 15)}${[1, 2, 3, 4, 5, 6].map(twice).join('; ')}`,
    'first chunks and others': 'sallyport=8A; sallyport.1=b; '.repeat(size / 29),
  };
  for (const [what, header] of Object.entries(headers)) {
    const cookies = parseCookies(header);
    t.ok(took(() => t.same([...joinChunks('sallyport', cookies)], [])) < slowMs, what);
  }
});

/** These took 2 to 160 seconds in which nobody else was served; now they take some milliseconds. */
const slowMs = 1000;

function took(work: () => unknown): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}
