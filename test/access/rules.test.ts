import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';

test('rules by group, email, domain, user, claim and network hold for people who really signed in', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const route = (path: string, allow: unknown) => ({ path, upstream: upstream.url, allow });
  const gateway = await startTestGateway({
    provider,
    config: {
      routes: [
        route('/', 'signed-in'),
        route('/admins', [{ groups: 'admins' }]),
        route('/navy', [{ emailDomains: ['navy.example'] }]),
        route('/ada', [{ emails: 'ADA@example.com' }, { users: 'nobody' }]),
        route('/grace', [{ users: ['grace'] }]),
        route('/umlaut', [{ claims: { preferred_username: 'zoë' } }]),
        route('/here', [{ networks: '127.0.0.0/8' }]),
        route('/elsewhere', [{ networks: ['10.0.0.0/8', '::1'] }]),
        route('/both', [{ groups: ['staff'], networks: '127.0.0.1' }]),
      ],
    },
  });
  t.teardown(() => gateway.close());

  const paths = ['/', '/admins', '/navy', '/ada', '/grace', '/umlaut', '/here', '/elsewhere', '/both'];
  const allowed: Record<string, string[]> = {
    ada: ['/', '/admins', '/ada', '/here', '/both'],
    grace: ['/', '/navy', '/grace', '/here', '/both'],
    zoe: ['/', '/umlaut', '/here'],
  };
  for (const [person, mayPass] of Object.entries(allowed)) {
    const client = createClient();
    t.teardown(() => client.close());
    await logIn(client, gateway.url, person);
    for (const path of paths) {
      const { status } = await client.get(gateway.url + path);
      t.equal(status, mayPass.includes(path) ? 200 : 403, `${person} ${path}`);
    }
  }
  const stranger = createClient();
  t.teardown(() => stranger.close());
  const statuses = await Promise.all(
    paths.map(async (path) => (await stranger.get(gateway.url + path)).status),
  );
  t.strictSame(statuses, [401, 401, 401, 401, 401, 401, 200, 403, 401]);
});

test('who is not allowed is told who they are, and can sign in as someone else', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/admins', upstream: upstream.url, allow: [{ groups: ['admins'] }] },
  ];
  const gateway = await startTestGateway({ provider, config: { routes } });
  t.teardown(() => gateway.close());
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'grace');

  const page = await client.navigate(`${gateway.url}/admins/x?y=1`);
  t.equal(page.status, 403);
  t.equal(page.headers['x-sallyport-error'], 'not_allowed');
  t.match(page.text, 'You are signed in as grace@navy.example.');
  t.match(
    page.text,
    /action="\/oauth2\/sign_out\?rd=%2Fadmins%2Fx%3Fy%3D1"><button[^>]*>Sign in as someone else/,
  );
  const line = await gateway.log.line(({ code }) => code === 'not_allowed');
  t.match(line, { subject: 'grace', reason: /allow\[0\]\.groups/ });
  t.equal(upstream.requests.filter(({ url }) => url.startsWith('/admins')).length, 0);
});

test('groups come from a dotted path, as a list or as one text; what is neither gives none', async (t) => {
  const roles = (value: unknown) => ({ realm_access: { roles: value }, groups: ['admins'] });
  const provider = await startProvider({
    people: {
      list: roles(['staff', 'admins']),
      words: roles('staff  admins'),
      part: roles('staff superadmins admins2'),
      comma: roles('staff,admins'),
      number: roles([1, { admins: true }, ['admins']]),
      map: roles({ admins: true }),
      none: { groups: ['admins'] },
    },
    scopes: { groups: ['groups', 'realm_access'] },
  });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/admins', upstream: upstream.url, allow: [{ groups: ['admins'] }] },
    { path: '/numbered', upstream: upstream.url, allow: [{ groups: ['1'] }] },
  ];
  const claims = { groups: 'realm_access.roles' };
  const gateway = await startTestGateway({ provider, config: { routes, provider: { claims } } });
  t.teardown(() => gateway.close());
  for (const [person, expected] of Object.entries({
    list: 200,
    words: 403,
    part: 403,
    comma: 403,
    number: 403,
    map: 403,
    none: 403,
  })) {
    const client = createClient();
    t.teardown(() => client.close());
    await logIn(client, gateway.url, person);
    t.equal((await client.get(`${gateway.url}/admins`)).status, expected, person);
    t.equal((await client.get(`${gateway.url}/numbered`)).status, 403, person);
  }
});

test('an email address that the provider calls unverified counts only where the configuration says so', async (t) => {
  const email = 'Ada@Example.com';
  const provider = await startProvider({
    people: {
      verified: { email, email_verified: true },
      silent: { email },
      unverified: { email, email_verified: false },
      worded: { email, email_verified: 'false' },
      none: { email_verified: true },
    },
  });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/email', upstream: upstream.url, allow: [{ emails: 'ada@example.COM' }] },
    { path: '/domain', upstream: upstream.url, allow: [{ emailDomains: 'EXAMPLE.com' }] },
  ];
  const expected: Record<string, [usual: number, insecure: number]> = {
    verified: [200, 200],
    silent: [200, 200],
    unverified: [403, 200],
    worded: [403, 200],
    none: [403, 403],
  };
  for (const insecureUnverifiedEmail of [false, true]) {
    const gateway = await startTestGateway({
      provider,
      config: { routes, provider: { insecureUnverifiedEmail } },
    });
    t.teardown(() => gateway.close());
    for (const [person, statuses] of Object.entries(expected)) {
      const client = createClient();
      t.teardown(() => client.close());
      await logIn(client, gateway.url, person);
      for (const path of ['/email', '/domain']) {
        const { status } = await client.get(gateway.url + path);
        t.equal(
          status,
          statuses[insecureUnverifiedEmail ? 1 : 0],
          `${person} ${path} ${insecureUnverifiedEmail}`,
        );
      }
    }
  }
});
