import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { makeLogoutToken, sendLogout } from '../logout/forge.ts';
import { auditLines } from '../support/audit-lines.ts';
import { launchBrowser } from '../support/browser.ts';
import type { Client } from '../support/client.ts';
import { logIn } from '../support/log-in.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { arrangeAudit, fullDisk, type Scene, token } from './audit-scene.ts';

// A process takes long to start on a busy machine: a gateway is asked for all that it can show, one after the other.

/** What is known of somebody's cookies and of the secrets of a run must be in no line. */
function hasNoSecrets(t: Test, { text, yaml }: Scene, client: Client) {
  const secret = /secret: (\S+)/.exec(yaml())?.[1] ?? '';
  for (const { value } of client.cookies.all()) {
    if (value.length > 8) t.notOk(text().includes(value), 'no cookie');
  }
  t.ok(secret.length > 40 && !text().includes(secret), 'no session secret');
  t.notOk(text().includes(token), 'no admin token');
  t.notMatch(text(), /eyJ/);
}

test('the audit of a gateway in one process', async (t) => {
  const scene = await arrangeAudit(t, join(t.testdir(), 'audit.jsonl'));
  await t.test('who did what is told from the login in a browser to the sign-out', (each) =>
    inBrowser(each, scene),
  );
  await t.test('a failed login and a sign-out by the provider are told of', (each) =>
    byProvider(each, scene),
  );
  await t.test('those who run the gateway are told of too', (each) => byOperators(each, scene));
  await t.test('a file that cannot be opened refuses a reload', (each) => refusesFile(each, scene));
  await t.test('SIGHUP takes the new file after a rename, and another one', (each) => rotated(each, scene));
  await t.test('a full disk stops nothing, is told of, and costs no line', (each) => fullDisk(each, scene));
});

async function inBrowser(t: Test, { gateway, line, lines }: Scene) {
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.goto(gateway.url);
  await page.fill('input[name=login]', 'ada');
  await page.press('input[name=login]', 'Enter');
  const login = await line('login');
  const { sessionId } = login;
  t.match(login, {
    v: 1,
    pid: gateway.pid,
    client: '127.0.0.1',
    user: 'ada',
    subject: 'ada',
    provider: 'default',
    sessionId: /^[\w-]{8,}$/,
    requestId: /^[\w-]{36}$/,
  });
  await page.waitForURL(`${gateway.url}/`);

  await page.goto(`${gateway.url}/admins/list?code=secret`);
  const denied = await line('access_denied');
  t.match(denied, { user: 'ada', client: '127.0.0.1', provider: 'default', sessionId, method: 'GET' });
  t.match(denied, {
    path: '/admins/list',
    route: '/admins',
    code: 'not_allowed',
    status: 403,
    rule: /allow/,
  });

  await page.goto(`${gateway.url}/oauth2/sign_out`);
  const whose = { user: 'ada', subject: 'ada', sessionId };
  t.match(await line('sign_out'), { ...whose, by: 'person', everywhere: false });
  t.same(
    lines().map(({ event }) => event),
    ['login', 'access_denied', 'sign_out'],
    'and nothing of the requests in between, of an answer 302 for nobody among them',
  );
}

async function byProvider(t: Test, scene: Scene) {
  const { provider, gateway, line } = scene;
  const client = scene.begin(t);
  await client.navigate(`${gateway.url}/`);
  const { headers } = await client.navigate(`${gateway.url}/oauth2/start?rd=/`);
  const state = new URL(String(headers.location)).searchParams.get('state') ?? '';
  const injected = '%0d%0a{"event":"login"}';
  await client.navigate(
    `${gateway.url}/oauth2/callback?state=${state}&error=access_denied&error_description=${injected}&iss=${encodeURIComponent(provider.issuer)}`,
  );
  t.match(await line('login_failed'), { client: '127.0.0.1', provider: 'default', code: 'login_refused' });

  await logIn(client, gateway.url, 'ada');
  await line('login');
  const logoutToken = await makeLogoutToken(provider, { claims: { sub: 'ada' } });
  const sent = await sendLogout(gateway.url, { logout_token: logoutToken });
  t.equal(sent.status, 200);
  t.match(await line('sessions_ended'), { by: 'provider_back_channel', subject: 'ada', provider: 'default' });
  t.equal((await sendLogout(gateway.url, { logout_token: 'no token' })).status, 400);
  t.match(await line('logout_token_rejected'), { code: 'logout_token_invalid', status: 400 });
  hasNoSecrets(t, scene, client);
}

async function byOperators(t: Test, scene: Scene) {
  const { gateway, line, ask } = scene;
  const client = scene.begin(t);
  await logIn(client, gateway.url, 'grace');
  const { sessionId } = await line('login');
  t.equal((await ask('DELETE', '/sessions?user=grace', 'a-wrong-token-of-somebody')).status, 401);
  const call = { client: '127.0.0.1', method: 'DELETE', path: '/sessions' };
  t.match(await line('admin_call', { status: 401 }), call);
  t.equal((await ask('DELETE', '/sessions?user=grace')).status, 200);
  t.match(await line('admin_call', { status: 200 }), { client: '127.0.0.1' });
  t.match(await line('session_ended'), { by: 'operator', subject: 'grace', sessionId });
  t.match(await line('sessions_ended'), { by: 'operator', user: 'grace', sessions: 1 });

  gateway.process.kill('SIGHUP');
  t.match(await line('reload'), { by: 'SIGHUP', config: gateway.file });
  const yaml = scene.yaml();
  scene.write(`${yaml}\nnonsense: 1\n`);
  t.equal((await ask('POST', '/reload')).status, 422);
  t.match(await line('reload_refused'), { by: 'admin', reason: /nonsense/ });
  scene.write(yaml);
  hasNoSecrets(t, scene, client);
}

async function refusesFile(t: Test, scene: Scene) {
  scene.begin(t);
  const yaml = scene.yaml();
  scene.write(yaml.replace(scene.file, join(scene.folder, 'none', 'audit.jsonl')));
  const answer = await scene.ask('POST', '/reload');
  t.equal(answer.status, 422);
  const said = await answer.text();
  t.match(said, /audit\.file: the audit cannot be written: ENOENT/);
  t.equal(said.split('ENOENT').length, 2, 'once');
  t.match(await scene.line('reload_refused'), { reason: /ENOENT/ }, 'and the one before is still written to');
  scene.write(yaml);
}

async function rotated(t: Test, scene: Scene) {
  const { gateway, file } = scene;
  await logIn(scene.begin(t), gateway.url, 'ada');
  await scene.line('login');
  const before = scene.text();
  renameSync(file, `${file}.1`);
  gateway.process.kill('SIGHUP');
  await until('the new file', () => existsSync(file) && statSync(file).size > 0);
  t.equal(statSync(file).mode & 0o777, 0o600);
  const other = `${file}.other`;
  const yaml = scene.yaml();
  scene.write(yaml.replace(file, other));
  gateway.process.kill('SIGHUP');
  await until('the other file', () => existsSync(other) && statSync(other).size > 0);
  t.equal(readFileSync(`${file}.1`, 'utf8'), before, 'the old one is as it was');
  for (const path of [file, other])
    t.match(auditLines(readFileSync(path, 'utf8')), [{ event: 'reload', by: 'SIGHUP' }]);
  scene.write(yaml);
  t.equal((await scene.ask('POST', '/reload')).status, 200);
}

test('a file that cannot be opened stops the start with a sentence', async (t) => {
  const none = join(t.testdir(), 'none', 'audit.jsonl');
  await t.rejects(spawnGateway({ config: { audit: { file: none } }, upstream: 'http://127.0.0.1:9' }), {
    message:
      /ended with 78\nThe configuration cannot be used:\n.*audit\.file: the audit cannot be written: ENOENT/,
  });
});

test('by default lines go beside those of the log, and `off` ends them', async (t) => {
  const scene = await arrangeAudit(t, join(t.testdir(), 'none.jsonl'), { audit: undefined });
  const { gateway, yaml, write } = scene;
  await logIn(scene.begin(t), gateway.url, 'ada');
  write(`${yaml()}\naudit: off\n`);
  t.equal((await scene.ask('POST', '/reload')).status, 200);
  await logIn(scene.begin(t), gateway.url, 'grace');
  await gateway.stop();
  t.match(auditLines(gateway.stdout.join('')), [{ event: 'login', user: 'ada' }]);
});
