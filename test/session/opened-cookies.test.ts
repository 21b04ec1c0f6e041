import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import { createOpenedCookies } from '../../src/session/opened-cookies.ts';

const seal = (length = 400) => randomBytes(length).toString('base64url').slice(0, length);

/** The Cookie header of a seal in so many chunks. */
function headerOf(sealed: string, count = 1): string {
  const marked = `${count}${sealed}`;
  const size = Math.ceil(marked.length / count);
  const chunks = Array.from({ length: count }, (_, index) => {
    const name = index === 0 ? 's' : `s.${index}`;
    return `${name}=${marked.slice(index * size, (index + 1) * size)}`;
  });
  return ['other=1', ...chunks, 'last=s'].join('; ');
}

test('a cookie that was opened is known when it comes again, in one chunk or in several', async (t) => {
  for (const count of [1, 2, 5]) {
    const opened = createOpenedCookies<string>('s');
    const sealed = seal();
    t.equal(opened.recall(headerOf(sealed, count)), undefined, 'not before');
    opened.remember(sealed, 'session', 100);
    t.equal(opened.recall(headerOf(sealed, count)), 'session');
  }
});

test('a cookie that differs from a remembered one in a single character is not taken for it', async (t) => {
  for (const count of [1, 3]) {
    const opened = createOpenedCookies<string>('s');
    const sealed = seal();
    opened.remember(sealed, 'session', 100);
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      const altered = sealed.slice(0, at) + other + sealed.slice(at + 1);
      if (opened.recall(headerOf(altered, count)) !== undefined) t.fail(`character ${at}`);
    }
    for (const altered of [sealed.slice(0, -1), `${sealed}A`, sealed.slice(0, 44), '', 'x'])
      t.equal(opened.recall(headerOf(altered, count)), undefined, 'nor is a shorter or a longer one');
  }
});

test('chunks of two remembered cookies do not make a third', async (t) => {
  const opened = createOpenedCookies<string>('s');
  const [one, other] = [seal(), seal()];
  opened.remember(one, 'one', 100);
  opened.remember(other, 'other', 100);
  const [first = ''] = /s=[^;]*/.exec(headerOf(one, 2)) ?? [];
  const [second = ''] = /s\.1=[^;]*/.exec(headerOf(other, 2)) ?? [];
  t.equal(opened.recall(`${first}; ${second}`), undefined);
  t.equal(opened.recall(first), undefined, 'nor does one that lacks its rest');
});

test('a name that comes twice is not decided here', async (t) => {
  const opened = createOpenedCookies<string>('s');
  const sealed = seal();
  opened.remember(sealed, 'session', 100);
  t.equal(opened.recall(`s=1planted; ${headerOf(sealed)}`), undefined);
  t.equal(opened.recall(`${headerOf(sealed)};s=1planted`), undefined);
  t.equal(opened.recall(`xs=1; x=s=1; ${headerOf(sealed)}`), 'session', 'but other names may end like it');
});

test('malformed headers open nothing', async (t) => {
  const opened = createOpenedCookies<string>('s');
  opened.remember(seal(), 'session', 100);
  for (const header of ['', 's', 's=', 's=;', ';s=9', '=', 's=0', ';;;', 's=8; s.1=', ' s = 1'])
    t.equal(opened.recall(header), undefined);
});

test('memory stays within its limit, and what is asked for stays longest', async (t) => {
  const opened = createOpenedCookies<number>('s', 100_000);
  const seals = Array.from({ length: 200 }, () => seal());
  const known = (at: number) => opened.recall(headerOf(seals[at] ?? '')) === at;
  for (const [at, sealed] of seals.entries()) {
    opened.remember(sealed, at, 800);
    if (at > 0) t.ok(known(0), 'the one that is used is there');
  }
  const left = seals.filter((_, at) => known(at)).length;
  t.ok(left > 20 && left <= 50, `${left} of 200 are left: each takes 2,200 bytes`);
  t.ok(known(199), 'the newest is among them');
  t.notOk(known(1), 'the oldest that nobody used is not');
});

test('what is written without end pushes out nothing that came', async (t) => {
  const opened = createOpenedCookies<number>('s', 400_000);
  const came = Array.from({ length: 100 }, () => seal());
  for (const [at, sealed] of came.entries()) opened.remember(sealed, at, 800);
  const written = seal();
  opened.expect(written, 100, 800);
  t.equal(opened.recall(headerOf(written)), 100, 'it is known when it comes');
  const flood = Array.from({ length: 2000 }, () => seal());
  for (const sealed of flood) opened.expect(sealed, -1, 800);
  for (const [at, sealed] of [...came, written].entries())
    if (opened.recall(headerOf(sealed)) !== at) t.fail(`${at} was pushed out`);
  const left = flood.filter((sealed) => opened.recall(headerOf(sealed)) === -1).length;
  t.ok(left > 20 && left <= 45, `${left} of 2,000 are left: they have a quarter`);
  t.equal(opened.recall(headerOf(flood.at(-1) ?? '')), -1, 'the last one is');
});

test('what was written in several chunks is known when all of them come', async (t) => {
  const opened = createOpenedCookies<string>('s');
  const [mine, other] = [seal(), seal()];
  opened.expect(mine, 'mine', 100);
  opened.expect(other, 'other', 100);
  const [first] = headerOf(mine, 3).split('; s.1=');
  const [, rest] = headerOf(other, 3).split('; s.1=');
  t.equal(opened.recall(`${first}; s.1=${rest}`), undefined, 'not where one is of another');
  t.equal(opened.recall(headerOf(mine, 3)), 'mine');
});

test('a few that are very large push out nobody: they are opened each time', async (t) => {
  const opened = createOpenedCookies<string>('s', 320_000);
  const small = Array.from({ length: 20 }, () => seal());
  for (const sealed of small) opened.remember(sealed, 'small', 100);
  for (const add of [opened.remember, opened.expect]) {
    const large = seal();
    add(large, 'large', 20_000);
    t.equal(opened.recall(headerOf(large)), undefined);
    add(large, 'smaller', 10_000);
    t.equal(opened.recall(headerOf(large)), 'smaller', 'up to a sixteenth is kept');
  }
  const grown = small[0] ?? '';
  opened.remember(grown, 'grown', 20_000);
  t.equal(opened.recall(headerOf(grown)), undefined, 'what grows so large is not kept as it was');
  for (const sealed of small.slice(1)) t.equal(opened.recall(headerOf(sealed)), 'small');
});
