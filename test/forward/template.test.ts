import fc from 'fast-check';
import { test } from 'tap';
import { parseTemplate } from '../../src/config/template.ts';
import { headerSet } from '../../src/forward/header-set.ts';
import { headerText } from '../../src/forward/header-text.ts';
import { compileTemplate } from '../../src/forward/template.ts';
import type { TemplatePerson } from '../../src/forward/template-values.ts';

const somebody: TemplatePerson = {
  accessToken: 'a%41b',
  idToken: undefined,
  sessionId: '',
  provider: '',
  user: 'ada',
  email: undefined,
  name: undefined,
  groups: [],
  claims: {},
};

/** What a template makes of a claim `x`. */
const write = (x: unknown, template = '{claims.x}') =>
  compileTemplate(parseTemplate(template))({ requestId: '-', person: { ...somebody, claims: { x } } });

const groups = (list: string[], template = '{groups}') =>
  compileTemplate(parseTemplate(template))({ requestId: '-', person: { ...somebody, groups: list } });

test('a text is never trimmed: what readers would take off, or not read alike, is encoded', async (t) => {
  for (const [value, text] of [
    ['admin', 'admin'],
    ['admin ', 'admin%20'],
    ['  admin', '%20%20admin'],
    ['\u00a0admin', '%C2%A0admin'],
    ['admin\t', 'admin%09'],
    ['\ufeffadmin', '%EF%BB%BFadmin'],
    ['ad min', 'ad min'],
    ['   ', '%20%20%20'],
    ['zoë 100%', 'zo%C3%AB 100%25'],
    ['100%', '100%'],
    ['admi%6e', 'admi%256e'],
    ['a,b', 'a,b'],
    ['\ud800', '%EF%BF%BD'],
    ['a\r\nX: y', 'a%0D%0AX: y'],
    ['', undefined],
    [7, '7'],
    [{ a: 'ë' }, '{"a":"%C3%AB"}'],
  ] as const) {
    t.equal(write(value), text, JSON.stringify(value));
  }
  const token = compileTemplate(parseTemplate('Bearer {access_token}'));
  t.equal(token({ requestId: '-', person: somebody }), 'Bearer a%41b', 'a token is sent as it is');
});

test('in a list, always, a comma of an item is %2C and a percent sign %25', async (t) => {
  t.equal(groups(['staff', 'x,Admins']), 'staff,x%2CAdmins');
  t.equal(groups(['50%', '%2C']), '50%25,%252C');
  t.equal(groups(['größe', 'ad mins ', ' b']), 'gr%C3%B6%C3%9Fe,ad mins%20,%20b');
  t.equal(groups([]), undefined);
  t.equal(write(['a,b', 7, null]), 'a%2Cb,7,null');
  t.equal(write([['a', 'b'], 'c']), 'a%2Cb,c');
  t.equal(Buffer.from(groups(['a,b', 'c'], '{groups|base64}') ?? '', 'base64').toString(), 'a%2Cb,c');
  t.equal(decodeURIComponent(groups(['a,b', 'c'], '{groups|uri}') ?? ''), 'a%2Cb,c');
  t.equal(groups(['a,b', 'c'], '{groups|json}'), '["a,b","c"]');
});

const text = fc.string({ unit: fc.constantFrom(...'ab%2C, \t\u00a0ë4Ee') });

test('decoding gives back what was written, and no two values are written alike', async (t) => {
  fc.assert(
    fc.property(text, text, (one, other) => {
      const [a, b] = [write(one), write(other)];
      const same = one === other || a !== b || a === undefined;
      const decoded = decodeURIComponent((a ?? '').replace(/%(?![0-9A-Fa-f]{2})/g, '%25'));
      return (
        (same && decoded === one && a === (a ?? '').trim().replace(/[^\x20-\x7e]/g, '')) || a === undefined
      );
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      fc.array(
        text.filter((item) => item !== ''),
        { minLength: 1 },
      ),
      (list) => {
        const items = (groups(list) ?? '').split(',').map(decodeURIComponent);
        return JSON.stringify(items) === JSON.stringify(list);
      },
    ),
    { numRuns: 2000 },
  );
  t.pass();
});

test('filters apply in basicAuth, and a name of nothing sends no credentials', async (t) => {
  const credentials = (username: string, password: string, x: unknown) => {
    const set = headerSet({ defaultHeaders: {}, headers: {} } as Parameters<typeof headerSet>[0], {
      headers: {},
      token: undefined,
      basicAuth: { username: parseTemplate(username, 'any'), password: parseTemplate(password, 'any') },
    });
    const value = compileTemplate(set.get('Authorization') ?? [])({
      requestId: '-',
      person: { ...somebody, claims: { x } },
    });
    return value && Buffer.from(value.slice('Basic '.length), 'base64').toString();
  };
  t.equal(credentials('{claims.x|uri}', 'p', 'zoë:a b'), 'zo%C3%AB%3Aa%20b:p');
  t.equal(credentials('{claims.x}', '{claims.x|base64}', 'ë'), 'ë:w6s=');
  t.equal(credentials('{claims.x|json}', 'p', ['a', 'ë']), '["a","\\u00eb"]:p');
  t.equal(credentials('{claims.x}', 'p', ' ë '), ' ë :p', 'as it is, since it is encoded as a whole');
  t.equal(credentials('{claims.x}', 'p', 'a:b'), undefined);
  t.equal(credentials('{claims.x}', 'p', ''), undefined);
});

test('lists in lists do not grow into a text that keeps everybody waiting', async (t) => {
  const nested = (levels: number, inner: string): unknown =>
    JSON.parse(`${'['.repeat(levels)}${inner}${']'.repeat(levels)}`);
  const many = `${'1,'.repeat(40_000)}1`;
  for (const levels of [1, 2, 3, 4, 5, 20, 900]) {
    for (const value of [nested(levels, many), nested(levels, `"${'%,'.repeat(10_000)}"`)]) {
      const text = headerText(value) ?? '';
      t.ok(text.length < 12 * JSON.stringify(value).length, `${levels} levels: ${text.length}`);
    }
  }
  t.equal(headerText([[[['a,b']]]]), 'a%2525252Cb', 'four are lists');
  t.equal(headerText([[[[['a', 'b']]]]]), '["a"%2525252C"b"]', 'what is in the fifth is a structure');
});

test('blanks within a value are passed once, be they many', async (t) => {
  const blanks = ' '.repeat(500_000);
  t.equal(headerText([`${blanks}a${blanks}b`])?.length, 2_000_002);
  t.equal(headerText(`ë${blanks}b${blanks}`)?.length, 2_000_007);
});
