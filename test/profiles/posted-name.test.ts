import { type Test, test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';
import { arrangeSecure, origin, sessionOf } from '../attack/secure-scene.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { postFromElsewhere, reachForm } from './posted-form.ts';

const posted = {
  provider: { responseMode: 'form_post', postedName: true, claims: { name: 'full_name' } },
  headers: { 'X-Name': '{name}' },
};

/** The name that the application is told of ada, who comes back with this parameter `user`. */
async function nameAfter(
  t: Test,
  user: string | undefined,
  config: object = posted,
): Promise<string | undefined> {
  const { browser } = await arrangeSecure(t, config as Record<string, unknown>);
  const ada = browser();
  const { form } = await reachForm(t, ada);
  if (user !== undefined) form.set('user', user);
  const answer = await postFromElsewhere(ada, form);
  t.equal(answer.headers.location, `${origin}/deep?x=1`, 'somebody signs in, whatever is posted beside');
  t.ok(sessionOf(ada).length > 0);
  const { rawHeaders } = (await ada.request('/')).json() as Echo;
  t.strictSame(valuesOf(rawHeaders, 'x-forwarded-user'), ['ada'], 'as whom the ID token names');
  t.strictSame(valuesOf(rawHeaders, 'x-forwarded-email'), ['ada@example.com']);
  return valuesOf(rawHeaders, 'x-name')[0];
}

const appleUser = (firstName: unknown, lastName: unknown, more: object = {}) =>
  JSON.stringify({ name: { firstName, lastName }, email: 'evil@example.com', ...more });

test('the name that comes beside the code of a first login is shown to applications, and only the name', async (t) => {
  t.equal(
    await nameAfter(t, appleUser('Ada', 'Lovelace', { sub: 'root', groups: ['admins'] })),
    'Ada Lovelace',
  );
  t.equal(await nameAfter(t, appleUser(' Ada ', undefined)), 'Ada');
  t.equal(await nameAfter(t, appleUser('Zoë', 'Ångström')), encodeURI('Zoë Ångström').replaceAll('%20', ' '));
  t.equal(await nameAfter(t, undefined), undefined, 'later logins bring none');
});

test('what is no name is nobody\u2019s name, and ends no login', async (t) => {
  const attacks: Record<string, string> = {
    'no JSON': 'Ada',
    'another shape': '[1]',
    'a list for a name': JSON.stringify({ name: ['Ada'] }),
    'names that are no texts': appleUser({ a: 1 }, 7),
    empty: appleUser('', ' '),
    'far too long': appleUser('x'.repeat(201), ''),
    'far too much': appleUser('x', '', { pad: 'y'.repeat(5000) }),
    'a line break': appleUser('Ada\r\nX-Admin: yes', ''),
    'a NUL': appleUser('Ada\u0000', 'x'),
    'text that runs backwards': appleUser('Ada\u202e', 'nimda'),
    'half a character': '{"name":{"firstName":"\\ud800"}}',
    'a prototype': '{"__proto__":{"name":{"firstName":"root"}}}',
  };
  for (const [what, user] of Object.entries(attacks)) t.equal(await nameAfter(t, user), undefined, what);
});

test('without postedName the parameter is not looked at, and a name of the ID token counts more', async (t) => {
  const { postedName: _, ...rest } = posted.provider;
  t.equal(await nameAfter(t, appleUser('Ada', 'L'), { ...posted, provider: rest }), undefined);
  const asEmail = { ...posted, provider: { ...posted.provider, claims: { name: 'email' } } };
  t.throws(() => read(asEmail), /nobody signs this name/);
});

const read = (config: object) =>
  parseConfig(gatewayYaml({ upstream: 'http://127.0.0.1:9', config: { publicUrl: origin, ...config } }, 1), {
    file: 'sallyport.yaml',
    env: {},
  });

test('no rule may rest on a name that nobody signed', (t) => {
  const problemOf = (config: object): string => {
    try {
      read(config);
      return '';
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map(({ message }) => message).join('; ');
    }
  };
  const withProvider = (more: object) => ({
    provider: { responseMode: 'form_post', postedName: true, ...more },
  });
  t.equal(problemOf(withProvider({})), '');
  const routes = [{ path: '/', upstream: 'http://127.0.0.1:9', allow: [{ claims: { name: 'Ada' } }] }];
  t.match(problemOf({ ...withProvider({}), routes }), /the claim name is in/);
  t.match(problemOf(withProvider({ requiredClaims: { name: 'Ada' } })), /the claim name is in/);
  const source = {
    claim: 'groups',
    endpoint: 'https://id.example.com/groups',
    value: 'name',
    ifClaim: 'name',
  };
  t.match(problemOf(withProvider({ sources: [source] })), /the claim name is in/);
  for (const role of ['user', 'email', 'username', 'groups'])
    t.match(problemOf(withProvider({ claims: { [role]: 'name' } })), /says who somebody is/, role);
  t.match(problemOf(withProvider({ responseMode: 'query' })), /form_post/);
  t.end();
});
