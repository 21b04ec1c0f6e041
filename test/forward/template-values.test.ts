import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { parseTemplate } from '../../src/config/template.ts';
import { compileTemplate, isSameForPerson, namesPerson } from '../../src/forward/template.ts';
import {
  type TemplateContext,
  type TemplatePerson,
  templateValues,
  type ValueRow,
  written,
} from '../../src/forward/template-values.ts';
import { collectNeeds } from '../../src/identity/claim-paths.ts';
import { pickClaims } from '../../src/identity/login/claims.ts';
import { personOf } from '../../src/identity/person.ts';

const rows: readonly ValueRow[] = templateValues;

const rules = {
  claims: {
    user: 'uid',
    username: 'preferred_username',
    email: 'mail',
    emailVerified: 'mail_verified',
    name: 'display',
    groups: 'memberOf',
  },
  countUnverifiedEmail: false,
  requireVerifiedEmail: false,
};

/** A value for every claim that some row reads. */
const everything = {
  ...Object.fromEntries(rows.flatMap(({ needs }) => needs?.('a.b').paths ?? []).map((path) => [path, path])),

  uid: 'u',
  mail: 'ada@x.example',
  display: 'Ada',
  memberOf: ['staff'],
  'a.b': 'c',
  more: 1,
};

function person(of: string, claims: Record<string, unknown> = everything): TemplatePerson {
  const own = Object.entries(claims).map(([path, value]) => [
    path,
    Array.isArray(value) ? [`${value}${of}`] : `${value}${of}`,
  ]);
  return {
    ...personOf(rules, `subject${of}`, Object.fromEntries(own)),
    accessToken: `access${of}`,
    idToken: `id${of}`,
    sessionId: `session${of}`,
    provider: `provider${of}`,
  };
}

const context = (of: string, request: string, sender: string): TemplateContext => ({
  requestId: `request${request}`,
  clientAddress: `address${sender}`,
  token: `token${sender}`,
  person: person(of),
});

for (const row of rows) {
  const template = parseTemplate(written(row, 'a.b'));
  const write = compileTemplate(template);
  const value = (of: string, request: string, sender: string) => write(context(of, request, sender));

  test(`${written(row)} is the same for what its row says, and for nothing else`, async (t) => {
    const first = value('1', '1', '1');
    t.ok(first, 'there is one');
    t.equal(value('1', '1', '1'), first);
    t.equal(value('2', '1', '1') === first, row.of !== 'person', 'of another person');
    t.equal(value('1', '2', '1') === first, row.of !== 'request', 'in another request');
    t.equal(value('1', '1', '2') === first, row.of !== 'sender', 'from another place');
    t.equal(isSameForPerson(template), row.of === 'person', 'remembered with the person');
    t.equal(namesPerson(template), row.of !== 'request', 'an answer made with it is for this sender alone');
  });

  test(`${written(row)} reads no claim but those that its row names`, async (t) => {
    const { paths = [], roles = [] } = row.needs?.('a.b') ?? {};
    const needed = [...paths, ...roles.map((role) => rules.claims[role])];
    const { claims: given } = person('1');
    const kept = { ...context('1', '1', '1'), person: person('', pickClaims(given, needed)) };
    const tokens = { accessToken: 'access1', idToken: 'id1', sessionId: 'session1', provider: 'provider1' };
    t.equal(write({ ...kept, person: { ...kept.person, ...tokens } }), value('1', '1', '1'));
  });

  test(`${written(row)} is absent without what it reads, and its header with it`, async (t) => {
    t.equal(
      write({ requestId: '', person: undefined, clientAddress: undefined, token: undefined }),
      undefined,
    );
  });
}

const configWith = (route: Record<string, unknown>) =>
  parseConfig(
    JSON.stringify({
      publicUrl: 'https://app.example.com',
      provider: { issuer: 'https://id.example.com', clientId: 'a', clientSecret: 'b' },
      session: { secret: Buffer.alloc(32, 7).toString('base64') },
      routes: [{ path: '/', upstream: 'http://a:1', ...route }],
    }),
    { file: 'sallyport.yaml', env: {} },
  ).config;

test('the claims of templates are kept, of headers that go upstream and of those that go to the browser', async (t) => {
  const upstream = parseTemplate('{claims.one} {id_token}');
  const needs = collectNeeds(configWith({ responseHeaders: { 'X-Two': '{claims.two}' } }), [upstream, null]);
  for (const path of ['one', 'two', 'sub', 'email', 'groups']) t.ok(needs.claimPaths.has(path), path);
  t.notOk(needs.claimPaths.has('email_verified'));
  t.ok(needs.idToken);
  t.notOk(collectNeeds(configWith({}), [parseTemplate('{access_token}')]).idToken);
});

test('no token may go to a browser', async (t) => {
  for (const row of rows) {
    const load = () => configWith({ responseHeaders: { 'X-A': `x${written(row, 'a')}` } });
    if (row.isToken) t.throws(load, /would give a token to the browser/, row.name);
    else t.doesNotThrow(load, row.name);
  }
  t.same(
    rows.filter(({ isToken }) => isToken).map(({ name }) => name),
    ['access_token', 'id_token', 'token'],
  );
});
