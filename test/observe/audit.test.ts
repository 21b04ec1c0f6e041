import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { AuditLine } from '../../src/observe/audit-schema.ts';
import { makeLogoutToken, sendLogout } from '../logout/forge.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { auditLines } from '../support/audit-lines.ts';
import { launchBrowser } from '../support/browser.ts';
import { type Client, createClient } from '../support/client.ts';
import { freePort } from '../support/listening.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { type SpawnedGateway, spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

const token = 'an-admin-token-of-this-test';

/** A gateway as a process of its own, whose audit goes to a file of the test unless it is said otherwise. */
async function arrange(
  t: Test,
  config: Record<string, unknown> = {},
  file = join(t.testdir(), 'audit.jsonl'),
) {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const admin = `127.0.0.1:${await freePort()}`;
  const gateway = await spawnGateway({
    provider,
    config: {
      routes: [
        { path: '/', upstream: upstream.url },
        { path: '/admins', upstream: upstream.url, allow: [{ groups: 'nobody-is-in-this' }] },
      ],
      admin: { listen: admin, token },
      audit: { file },
      ...config,
    },
  });
  t.teardown(() => gateway.stop());
  const client = createClient();
  t.teardown(() => client.close());
  const lines = () => auditLines(readFileSync(file, 'utf8'));
  const line = (event: string, more: Partial<AuditLine> = {}) =>
    until(`${event} ${JSON.stringify(more)}`, () =>
      lines().find((each) =>
        Object.entries({ event, ...more }).every(
          ([name, value]) => (each as Record<string, unknown>)[name] === value,
        ),
      ),
    );
  const ask = (method: string, path: string, shown = token) =>
    fetch(`http://${admin}${path}`, { method, headers: { authorization: `Bearer ${shown}` } });
  return { provider, gateway, client, file, lines, line, ask };
}

/** What is known of somebody's cookies and of the secrets of a run must be in no line. */
function hasNoSecrets(t: Test, text: string, client: Client, gateway: SpawnedGateway) {
  const secret = /secret: (\S+)/.exec(readFileSync(gateway.file, 'utf8'))?.[1] ?? '';
  for (const { value } of client.cookies.all()) {
    if (value.length > 8) t.notOk(text.includes(value), 'no cookie');
  }
  t.ok(secret.length > 40 && !text.includes(secret), 'no session secret');
  t.notOk(text.includes(token), 'no admin token');
  t.notMatch(text, /eyJ/);
}

test('who did what, from where, is told from the login in a browser to the sign-out', async (t) => {
  const { gateway, line, lines } = await arrange(t);
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
  t.match(await line('sign_out'), {
    user: 'ada',
    subject: 'ada',
    sessionId,
    by: 'person',
    everywhere: false,
  });
  t.same(
    lines().map(({ event }) => event),
    ['login', 'access_denied', 'sign_out'],
    'and nothing of the requests in between, of an answer 302 for nobody among them',
  );
});

test('a failed login, a bad token and a sign-out by the provider are told of', async (t) => {
  const { gateway, provider, client, line, file } = await arrange(t);
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
  hasNoSecrets(t, readFileSync(file, 'utf8'), client, gateway);
});

test('those who run the gateway are told of too: calls, sessions, reloads', async (t) => {
  const { gateway, client, line, ask, file } = await arrange(t, { session: { store: 'memory' } });
  await logIn(client, gateway.url, 'ada');
  const { sessionId } = await line('login');
  t.equal((await ask('DELETE', '/sessions?user=ada', 'a-wrong-token-of-somebody')).status, 401);
  t.match(await line('admin_call', { status: 401 }), {
    client: '127.0.0.1',
    method: 'DELETE',
    path: '/sessions',
  });
  t.equal((await ask('DELETE', '/sessions?user=ada')).status, 200);
  t.match(await line('admin_call', { status: 200 }), { client: '127.0.0.1' });
  t.match(await line('session_ended'), { by: 'operator', subject: 'ada', sessionId });
  t.match(await line('sessions_ended'), { by: 'operator', user: 'ada', sessions: 1 });

  gateway.process.kill('SIGHUP');
  t.match(await line('reload'), { by: 'SIGHUP', config: gateway.file });
  const yaml = readFileSync(gateway.file, 'utf8');
  writeFileSync(gateway.file, yaml.replace('workers', 'wrokers').concat('\nnonsense: 1\n'));
  t.equal((await ask('POST', '/reload')).status, 422);
  t.match(await line('reload_refused'), { by: 'admin', reason: /nonsense/ });
  hasNoSecrets(t, readFileSync(file, 'utf8'), client, gateway);
});

test('a file that cannot be opened stops the start, and a reload, with a sentence', async (t) => {
  const none = join(t.testdir(), 'none', 'audit.jsonl');
  await t.rejects(spawnGateway({ config: { audit: { file: none } }, upstream: 'http://127.0.0.1:9' }), {
    message:
      /ended with 78\nThe configuration cannot be used:\n.*audit\.file: the audit cannot be written: ENOENT/,
  });
  const { gateway, line, ask } = await arrange(t);
  const yaml = readFileSync(gateway.file, 'utf8');
  writeFileSync(gateway.file, yaml.replace(/file: .*audit\.jsonl/, `file: ${none}`));
  const answer = await ask('POST', '/reload');
  t.equal(answer.status, 422);
  t.match(await answer.text(), /audit\.file: the audit cannot be written: ENOENT/);
  t.match(await line('reload_refused'), { reason: /ENOENT/ }, 'and the one before is still written to');
});

test('another file counts from a reload on, and SIGHUP takes the new one after a rename', async (t) => {
  const { gateway, client, file, line } = await arrange(t);
  await logIn(client, gateway.url, 'ada');
  await line('login');
  renameSync(file, `${file}.1`);
  gateway.process.kill('SIGHUP');
  await until('the new file', () => existsSync(file) && statSync(file).size > 0);
  t.match(await line('reload'), { by: 'SIGHUP' });
  t.equal(statSync(file).mode & 0o777, 0o600);
  const yaml = readFileSync(gateway.file, 'utf8');
  writeFileSync(gateway.file, yaml.replace(file, `${file}.other`));
  gateway.process.kill('SIGHUP');
  await until('the other file', () => existsSync(`${file}.other`) && statSync(`${file}.other`).size > 0);
  t.same(
    [`${file}.1`, file, `${file}.other`].map((path) =>
      auditLines(readFileSync(path, 'utf8')).map(({ event }) => event),
    ),
    [['login'], ['reload'], ['reload']],
  );
});

for (const workers of [1, 2]) {
  test(`a full disk stops nothing, is told of, and costs no line: workers ${workers}`, async (t) => {
    const folder = t.testdir();
    const file = join(folder, 'audit.jsonl');
    symlinkSync('/dev/full', file);
    const { gateway, client, ask } = await arrange(t, { workers, session: { store: 'memory' } }, file);
    await logIn(client, gateway.url, 'ada');
    t.equal((await client.get(`${gateway.url}/`)).status, 200);
    await gateway.log.line(
      ({ msg, reason }) => msg === 'the audit cannot be written; its lines wait' && reason === 'ENOSPC',
    );
    const ready = await (await ask('GET', '/readyz')).json();
    t.match(ready, { status: 'degraded', degraded: [{ reason: 'audit_not_written' }] });
    t.notOk(JSON.stringify(ready).includes(folder), 'no path is told');
    const real = join(folder, 'real.jsonl');
    symlinkSync(real, join(folder, 'next'));
    renameSync(join(folder, 'next'), file);
    await until('the line', () => existsSync(real) && readFileSync(real, 'utf8').includes('"login"'));
    t.match(auditLines(readFileSync(real, 'utf8'))[0], { event: 'login', user: 'ada' });
    await gateway.log.line(({ msg }) => msg === 'the audit is written again');
    t.match(await (await ask('GET', '/readyz')).json(), { status: 'ok' });
  });
}

test('workers append to one file, and a stop loses no line', async (t) => {
  const { gateway, file, client } = await arrange(t, { workers: 2, session: { store: 'memory' } });
  await logIn(client, gateway.url, 'ada');
  const asked = Array.from({ length: 200 }, (_, number) =>
    client.get(`${gateway.url}/admins/${number}`, { 'user-agent': '"\\n{"event":"login"}' }),
  );
  for (const { status } of await Promise.all(asked)) t.equal(status, 403);
  await gateway.stop();
  const lines = auditLines(readFileSync(file, 'utf8'));
  const denied = lines.filter(({ event }) => event === 'access_denied');
  const counted = denied.reduce((sum, { repeated = 1 }) => sum + repeated, 0);
  t.equal(counted, 200, 'all are told of or counted');
  t.ok(denied.length <= 2 * 11, `${denied.length} lines`);
  t.equal(lines.filter(({ event }) => event === 'login').length, 1);
});

test('by default lines go beside those of the log, and `off` ends them', async (t) => {
  const text = async (config: Record<string, unknown>) => {
    const { gateway, client } = await arrange(t, config);
    await logIn(client, gateway.url, 'ada');
    await gateway.stop();
    return gateway.stdout.join('');
  };
  const [line, ...others] = auditLines(await text({ audit: undefined }));
  t.match(line, { event: 'login', user: 'ada' });
  t.same(others, []);
  t.same(auditLines(await text({ audit: 'off' })), []);
});

test('a worker that is started anew serves, though the file cannot be opened', async (t) => {
  const folder = join(t.testdir(), 'logs');
  mkdirSync(folder);
  const { gateway, client, ask } = await arrange(t, { workers: 2 }, join(folder, 'audit.jsonl'));
  const started = (workers: number) =>
    until(
      `worker ${workers}`,
      () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length === workers,
      60_000,
    );
  await started(2);
  renameSync(folder, `${folder}.gone`);
  const [worker] = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8').split(' ');
  process.kill(Number(worker), 'SIGKILL');
  await started(3);
  await logIn(client, gateway.url, 'ada');
  t.match(await (await ask('GET', '/readyz')).json(), { degraded: [{ reason: 'audit_not_written' }] });
  mkdirSync(folder);
  await until('the line', () => {
    const file = join(folder, 'audit.jsonl');
    return existsSync(file) && auditLines(readFileSync(file, 'utf8')).some(({ event }) => event === 'login');
  });
});
