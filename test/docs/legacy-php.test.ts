import { test } from 'tap';
import { parse } from 'yaml';
import type { Application } from '../support/applications/application.ts';
import { startPhpBehindApache, startPhpBehindNginx } from '../support/applications/php.ts';
import { arrangeGateway, type Scene, type Teardown } from '../support/arrange.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { recipe, snippet } from './cookbook.ts';

/** What the sample scripts found out. */
interface Seen {
  user: string | null;
  groups: string[];
  server: Record<string, string>;
}

/** The end of every script: it tells what PHP made of the request. */
const tell = `
$told = ['REMOTE_USER', 'PHP_AUTH_USER', 'PHP_AUTH_PW', 'HTTP_AUTHORIZATION', 'HTTP_X_FORWARDED_USER'];
header('Content-Type: application/json');
echo json_encode([
  'user' => $user ?? null, 'groups' => $groups ?? [],
  'server' => (object) array_intersect_key($_SERVER, array_flip($told)),
]);
`;

const servers = [
  { name: 'nginx', start: startPhpBehindNginx },
  { name: 'Apache', start: startPhpBehindApache },
] as const;

/** The gateway with a recipe's own keys, where only the addresses are the test's. */
async function arrangeRecipe(
  t: Teardown,
  heading: string,
  application: Application,
  env: NodeJS.ProcessEnv = {},
): Promise<Scene> {
  t.teardown(() => application.stop());
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const { routes, provider: asked } = parse(snippet(recipe(heading), 'yaml')) as {
    routes: Record<string, unknown>[];
    provider: { claims?: Record<string, string> };
  };
  const config = {
    routes: routes.map((route) => ({ ...route, upstream: application.url })),
    ...(asked.claims && { provider: { claims: asked.claims } }),
  };
  return arrangeGateway(t, { provider, config, env });
}

const seenBy = async ({ client, gateway }: Scene, headers: string[] = []) =>
  (await client.request(`${gateway.url}/index.php`, { headers })).json() as Seen;

/** Everything that a client may try to be somebody else by. */
const forged = [
  'X-Forwarded-User',
  'X_Forwarded_User',
  'x.forwarded.user',
  'X-Forwarded-Groups',
  'X_FORWARDED_GROUPS',
].flatMap((name) => [name, 'mallory']);
forged.push('Authorization', `Basic ${Buffer.from('mallory:guess').toString('base64')}`);

test('the PHP lines of the cookbook name who is signed in, and nobody else', async (t) => {
  const index = snippet(recipe('PHP applications'), 'php') + tell;
  const application = await startPhpBehindNginx({ scripts: { 'index.php': index } });
  const scene = await arrangeRecipe(t, 'PHP applications', application);
  const { client, gateway } = scene;
  await logIn(client, gateway.url, 'ada', { path: '/index.php' });

  t.match(await seenBy(scene), { user: 'ada', groups: ['staff', 'admins'] });
  const { user, groups, server } = await seenBy(scene, forged);
  t.equal(user, 'ada', 'whatever the client sends');
  t.strictSame(groups, ['staff', 'admins']);
  t.notOk('HTTP_AUTHORIZATION' in server, 'no token reaches an application that has no use for one');
  t.notMatch(JSON.stringify(server), 'mallory');

  const direct = await client.get(`${application.url}/index.php`);
  t.equal(direct.status, 403, 'without a name the lines refuse');
});

test('the PHP lines of the cookbook give nobody the session of the person before', async (t) => {
  const keep = `
$seen = $_SESSION['note'] ?? null;
if (isset($_GET['note'])) $_SESSION['note'] = $_GET['note'];
header('Content-Type: application/json');
echo json_encode(['user' => $user, 'note' => $seen]);
`;
  const index = snippet(recipe('PHP applications'), 'php') + keep;
  const application = await startPhpBehindNginx({ scripts: { 'index.php': index } });
  const { client, gateway } = await arrangeRecipe(t, 'PHP applications', application);
  const page = `${gateway.url}/index.php`;
  await logIn(client, gateway.url, 'ada', { path: '/index.php' });
  await client.get(`${page}?note=secret`);
  t.strictSame((await client.get(page)).json(), { user: 'ada', note: 'secret' });

  // Somebody else at the same browser: the application's cookie stays, the sign-ins go.
  const ofApplication = client.cookies.get('PHPSESSID');
  t.ok(ofApplication);
  client.cookies.clear();
  client.cookies.take(gateway.url, [`PHPSESSID=${ofApplication?.value}; Path=/`]);
  await logIn(client, gateway.url, 'grace', { path: '/index.php' });
  t.strictSame((await client.get(page)).json(), { user: 'grace', note: null });
});

for (const { name, start } of servers) {
  const language = name === 'nginx' ? 'nginx' : 'apache';

  test(`the ${name} line of the cookbook turns the header into REMOTE_USER`, async (t) => {
    const heading = 'Applications that read REMOTE_USER';
    const application = await start({
      scripts: { 'index.php': `<?php${tell}` },
      directives: snippet(recipe(heading), language),
    });
    const scene = await arrangeRecipe(t, heading, application);
    await logIn(scene.client, scene.gateway.url, 'ada', { path: '/index.php' });

    t.equal((await seenBy(scene)).server.REMOTE_USER, 'ada');
    const spellings = ['Remote-User', 'REMOTE_USER'].flatMap((spelling) => [spelling, 'mallory']);
    t.equal((await seenBy(scene, [...forged, ...spellings])).server.REMOTE_USER, 'ada');
    const authorization = `Basic ${Buffer.from('mallory:guess').toString('base64')}`;
    const direct = await scene.client.get(`${application.url}/index.php`, { authorization });
    t.notOk((direct.json() as Seen).server.REMOTE_USER, 'and nobody is anybody without the header');
  });

  test(`a PHP application behind ${name} gets the name and password of HTTP Basic`, async (t) => {
    const heading = 'Applications with HTTP Basic only';
    const directives = name === 'nginx' ? '' : snippet(recipe(heading), 'apache');
    const application = await start({ scripts: { 'index.php': `<?php${tell}` }, directives });
    const scene = await arrangeRecipe(t, heading, application, { PRINTERS_PASSWORD: 'päss:word' });
    await logIn(scene.client, scene.gateway.url, 'ada', { path: '/index.php' });

    for (const headers of [[], forged]) {
      const { server } = await seenBy(scene, headers);
      t.equal(server.PHP_AUTH_USER, 'ada');
      t.equal(server.PHP_AUTH_PW, 'päss:word');
    }
  });
}

test('Apache keeps HTTP Basic from PHP without the line of the cookbook', async (t) => {
  const application = await startPhpBehindApache({ scripts: { 'index.php': `<?php${tell}` } });
  const heading = 'Applications with HTTP Basic only';
  const scene = await arrangeRecipe(t, heading, application, { PRINTERS_PASSWORD: 'word' });
  await logIn(scene.client, scene.gateway.url, 'ada', { path: '/index.php' });
  t.notOk('PHP_AUTH_USER' in (await seenBy(scene)).server);
});

test('an application that refuses the credentials shows its page, not a prompt', async (t) => {
  const refuse = `<?php header('WWW-Authenticate: Basic realm="printers"'); http_response_code(401); echo 'no';`;
  const application = await startPhpBehindNginx({ scripts: { 'index.php': refuse } });
  const heading = 'Applications with HTTP Basic only';
  const scene = await arrangeRecipe(t, heading, application, { PRINTERS_PASSWORD: 'word' });
  const answer = await logIn(scene.client, scene.gateway.url, 'ada', { path: '/index.php' });
  t.equal(answer.status, 401);
  t.equal(answer.text, 'no');
  t.notOk('www-authenticate' in answer.headers);
});
