import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { arrangePreset, type Imitated, type PresetOptions, personOf } from './imitation.ts';

const emails = [
  { email: 'octocat@users.noreply.github.com', primary: false, verified: true, visibility: null },
  { email: 'octocat@example.com', primary: true, verified: true, visibility: 'private' },
];

const organization = { login: 'github', id: 1 };

/** https://docs.github.com/en/rest: the parts of each answer that matter here, as they are documented. */
function gitHub(changes: Partial<Imitated> & { emails?: unknown } = {}): Imitated {
  return {
    paths: { authorize: '/login/oauth/authorize', token: '/login/oauth/access_token' },
    tokens: { scope: 'read:org,read:user,user:email' },
    ...changes,
    api: {
      '/api/v3/user': () => ({
        json: { login: 'octocat', id: 583231, name: 'monalisa octocat', email: 'public@example.com' },
      }),
      '/api/v3/user/emails': () => ({ json: changes.emails ?? emails }),
      '/api/v3/user/orgs': () => ({ json: [organization, { login: 'octo-org', id: 2 }] }),
      '/api/v3/user/teams': () => ({
        json: [{ id: 1, name: 'Justice League', slug: 'justice-league', organization }],
      }),
      ...changes.api,
    },
  };
}

const arrange = (t: Test, imitated: Imitated, options: Partial<PresetOptions> = {}) =>
  arrangePreset(t, imitated, {
    provider: (origin) => ({ preset: { name: 'github', url: origin } }),
    ...options,
  });

test('GitHub: the id, the login, the verified primary address, organizations and teams', async (t) => {
  const scene = await arrange(t, gitHub());
  t.equal((await scene.signIn()).status, 200);
  t.strictSame(await personOf(scene), {
    user: '583231',
    email: 'octocat@example.com',
    username: 'octocat',
    groups: 'github,octo-org,github/justice-league',
  });
  const [request] = scene.imitation.authorizationRequests;
  t.equal(request?.get('scope'), 'read:user user:email read:org');
  t.equal(request?.get('nonce'), null, 'there is no ID token to hold it');
  t.equal(request?.get('code_challenge_method'), 'S256');
  t.ok(scene.imitation.calls.every(({ accept, userAgent }) => accept?.includes('json') && userAgent));
});

test('GitHub: rules on groups and email domains decide by them', async (t) => {
  const allow = [{ groups: 'github/justice-league', emailDomains: 'example.com' }];
  const scene = await arrange(t, gitHub(), { allow });
  t.equal((await scene.signIn()).status, 200);
  const elsewhere = gitHub({ api: { '/api/v3/user/teams': () => ({ json: [] }) } });
  const other = await arrange(t, elsewhere, { allow });
  t.equal((await other.signIn()).status, 403);
});

test('GitHub: an address that is not verified, or not the primary one, is none', async (t) => {
  for (const [what, list] of Object.entries({
    'not verified': [{ email: 'admin@example.com', primary: true, verified: false }],
    'not primary': [{ email: 'admin@example.com', primary: false, verified: true }],
    'none at all': [],
  })) {
    const scene = await arrange(t, gitHub({ emails: list }), { allow: [{ emailDomains: 'example.com' }] });
    t.equal((await scene.signIn()).status, 403, what);
    t.notOk(scene.gateway.log.text().includes('"level":"error"'));
  }
});

test('GitHub: iss is accepted when it is that of GitHub, and refused when it is another', async (t) => {
  const good = await arrange(t, gitHub({ iss: (origin) => `${origin}/login/oauth` }));
  t.equal((await good.signIn()).status, 200);
  const bad = await arrange(t, gitHub({ iss: () => 'https://evil.example/login/oauth' }));
  const answer = await bad.signIn();
  t.equal(answer.status, 400);
  t.equal(answer.headers['x-sallyport-error'], 'login_response_invalid');
  t.equal(bad.imitation.tokenRequests.length, 0, 'the code is not spent');
});

test('GitHub: organizations and teams over several pages are all there', async (t) => {
  const page = (url: URL) => Number(url.searchParams.get('page') ?? 1);
  const scene = await arrange(
    t,
    gitHub({
      api: {
        '/api/v3/user/orgs': ({ url, origin }) => ({
          json: [{ login: `org-${page(url)}` }],
          headers:
            page(url) < 3
              ? {
                  link: `<${origin}/api/v3/user/orgs?page=1>; rel="prev", <${origin}/api/v3/user/orgs?page=${page(url) + 1}>; rel="next", <${origin}/api/v3/user/orgs?page=3>; rel="last"`,
                }
              : {},
        }),
      },
    }),
  );
  await scene.signIn();
  t.equal((await personOf(scene)).groups, 'org-1,org-2,org-3,github/justice-league');
});

test('GitHub: a next page of another origin does not get the access token', async (t) => {
  const thief = await arrangeUpstream(t);
  const scene = await arrange(
    t,
    gitHub({
      api: {
        '/api/v3/user/orgs': () => ({ json: [], headers: { link: `<${thief.url}/steal>; rel="next"` } }),
      },
    }),
  );
  const answer = await scene.signIn();
  t.equal(answer.status, 400);
  t.equal(answer.headers['x-sallyport-error'], 'login_response_invalid');
  t.strictSame(thief.requests, []);
});

test('GitHub: pages without end are cut off, and the log says so', async (t) => {
  const scene = await arrange(
    t,
    gitHub({
      api: {
        '/api/v3/user/orgs': ({ origin }) => ({
          json: [organization],
          headers: { link: `<${origin}/api/v3/user/orgs?page=2>; rel="next"` },
        }),
      },
    }),
  );
  t.equal((await scene.signIn()).status, 200);
  const pages = scene.imitation.calls.filter(({ path }) => path === '/api/v3/user/orgs');
  t.equal(pages.length, 20);
  await scene.gateway.log.line(({ reason }) => String(reason).includes('too many pages'));
});

test('GitHub: an organization that refuses the application takes its teams away, not the login', async (t) => {
  const scene = await arrange(
    t,
    gitHub({ api: { '/api/v3/user/teams': () => ({ status: 403, json: { message: 'Forbidden' } }) } }),
  );
  t.equal((await scene.signIn()).status, 200);
  t.equal((await personOf(scene)).groups, 'github,octo-org');
  await scene.gateway.log.line(({ level, reason }) => level === 'warn' && /groups.*403/.test(String(reason)));
});

test('GitHub: a limit that is used up, or an outage, is no refusal: try again later', async (t) => {
  for (const answer of [
    { status: 403, headers: { 'x-ratelimit-remaining': '0' }, json: { message: 'API rate limit exceeded' } },
    { status: 500, json: {} },
  ]) {
    const scene = await arrange(t, gitHub({ api: { '/api/v3/user/teams': () => answer } }));
    const end = await scene.signIn();
    t.equal(end.status, 503);
    t.equal(end.headers['x-sallyport-error'], 'provider_unavailable');
  }
});

test('GitHub: an error of the token endpoint with status 200 is an error, and the log names it', async (t) => {
  const scene = await arrange(
    t,
    gitHub({
      tokens: {
        error: 'bad_verification_code',
        error_description: 'The code passed is incorrect or expired.',
      },
    }),
  );
  const answer = await scene.signIn();
  t.equal(answer.status, 400);
  t.equal(answer.headers['x-sallyport-error'], 'login_response_invalid');
  t.match(scene.gateway.log.text(), /invalid_grant|incorrect or expired/);
});
