import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';

const secret = Buffer.alloc(32, 7).toString('base64');
const base = { publicUrl: 'https://app.example.com', upstream: 'http://legacy:8080', session: { secret } };
const one = { issuer: 'https://id.example.com', clientId: 'app', clientSecret: 's3cret' };

const parse = (config: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) =>
  parseConfig(JSON.stringify(config), { file: 'sallyport.json', env }).config;

function problemsOf(config: Record<string, unknown>): string[] {
  try {
    parse(config);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
}

test('`provider` is short for one of the name default, and may stand beside others', async (t) => {
  t.strictSame(Object.keys(parse({ ...base, provider: one }).providers), ['default']);
  const both = parse({ ...base, provider: one, providers: { corp: one } });
  t.strictSame(Object.keys(both.providers), ['default', 'corp']);
});

test('the environment sets keys of each provider of the file by its name', async (t) => {
  const { clientSecret: _, ...without } = one;
  const config = parse(
    { ...base, providers: { corp: without, 'our-partners': without } },
    {
      SALLYPORT_PROVIDERS_CORP_CLIENT_SECRET: 'of corp',
      SALLYPORT_PROVIDERS_OUR_PARTNERS_CLIENT_SECRET: 'of partners',
    },
  );
  t.equal(config.providers.corp?.clientSecret, 'of corp');
  t.equal(config.providers['our-partners']?.clientSecret, 'of partners');
});

test('what contradicts itself among providers and routes is named', async (t) => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [
      { ...base, provider: one, providers: { default: one } },
      /provider: it is short for `providers\.default`/,
    ],
    [
      {
        ...base,
        providers: { corp: one },
        routes: [{ path: '/a', upstream: 'http://a', provider: 'corpo' }],
      },
      /routes\[0\]\.provider: no provider has the name corpo; did you mean corp\?/,
    ],
    [{ ...base, providers: { 'Not A Name': one } }, /providers.*a name of small letters/],
    [{ ...base, providers: { corp: { ...one, clientSecret: undefined } } }, /providers\.corp\.clientSecret/],
    [{ ...base, providers: {} }, /provider: this key is required/],
    [{ ...base, provider: one, session: {} }, /session\.secret: this key is required/],
    [{ ...base, providers: { corp: { ...one, icon: 'javascript:alert(1)' } } }, /icon: expected an https/],
  ];
  for (const [config, says] of cases) {
    const problems = problemsOf(config);
    t.ok(
      problems.some((problem) => says.test(problem)),
      String(says),
      { problems },
    );
  }
});

test('a gateway where everything is public needs neither a provider nor a secret', async (t) => {
  const { session: _, upstream: __, ...rest } = base;
  const config = parse({ ...rest, routes: [{ path: '/', upstream: 'http://a', allow: 'public' }] });
  t.strictSame(config.providers, {});
  t.equal(config.session.secret.length, 1, 'one of its own, new at every start');
  const other = parse({ ...rest, routes: [{ path: '/', upstream: 'http://a', allow: 'public' }] });
  t.notSame(config.session.secret, other.session.secret);
});

test('idTokenAlgorithms is a list of names, and what is keyed with the secret needs a secret that is long enough', (t) => {
  const provider = (over: Record<string, unknown>) => ({ ...base, provider: { ...one, ...over } });
  const read = (over: Record<string, unknown>) => parse(provider(over)).providers.default?.idTokenAlgorithms;
  t.strictSame(read({ idTokenAlgorithms: 'ES256' }), ['ES256']);
  t.strictSame(read({ idTokenAlgorithms: ['RS256', 'HS256'], clientSecret: 'x'.repeat(32) }), [
    'RS256',
    'HS256',
  ]);
  t.equal(read({}), undefined);
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ idTokenAlgorithms: ['none'] }, /provider\.idTokenAlgorithms/],
    [{ idTokenAlgorithms: [] }, /provider\.idTokenAlgorithms/],
    [{ idTokenAlgorithms: ['HS512'], clientSecret: 'x'.repeat(63) }, /clientSecret.*64 bytes/],
    [{ idTokenAlgorithms: ['HS384'], clientSecret: 'x'.repeat(47) }, /clientSecret.*48 bytes/],
    [{ idTokenAlgorithms: ['HS256'], clientSecret: 'x'.repeat(31) }, /clientSecret.*32 bytes/],
    [{ idTokenAlgorithms: ['HS256'], clientSecret: undefined, clientAuth: 'none' }, /give `clientSecret`/],
    [{ idTokenAlgorithms: ['RS256'], type: 'oauth2' }, /there is no ID token/],
    [
      { idTokenAlgorithms: ['RS256'], profile: 'fapi2', privateKey: '/key.pem', clientSecret: undefined },
      /fapi2` allows PS256, ES256, EdDSA only, not RS256/,
    ],
  ];
  for (const [over, says] of wrong)
    t.match(problemsOf(provider(over)).join('\n'), says, JSON.stringify(over));
  t.end();
});
