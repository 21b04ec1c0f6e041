import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import type { Controls } from '../../src/admin/controls.ts';
import { healthOf } from '../../src/estate/health.ts';
import { arrangeAdmin, nothing, peopleWho, session, token } from '../admin/scene.ts';
import { freePort } from '../support/free-port.ts';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `sallyport` with an environment of its own. */
function run(args: string[], env: Record<string, string> = {}, cwd = '/'): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { env, cwd }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

async function arrange(t: Test, controls: Partial<Controls> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-commands-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const scene = await arrangeAdmin(t, { controls });
  const listen = new URL(scene.admin.url).host;
  const write = async (name: string, text: string) => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };
  return { ...scene, folder, listen, write };
}

test('status says how a gateway stands, for people, for programs and for containers', async (t) => {
  let health = healthOf([]);
  const { listen, write, admin } = await arrange(t, { health: async () => health });
  const file = await write('sallyport.yaml', `admin: { listen: "${listen}" }\n`);
  const ask = (...more: string[]) => run(['status', '-c', file, ...more]);

  t.same(await ask(), { code: 0, stdout: `ready: the gateway at ${admin.url}\n`, stderr: '' });
  t.same(await ask('--health'), { code: 0, stdout: 'ready\n', stderr: '' });

  health = healthOf(
    [],
    [{ reason: 'provider_unreachable', name: 'main', detail: 'the last call had no answer' }],
  );
  t.match(await ask(), {
    code: 0,
    stdout: `ready: the gateway at ${admin.url}\n  degraded  provider_unreachable (main): the last call had no answer\n`,
  });
  t.match(await ask('--health'), { code: 0, stdout: 'ready, degraded: provider_unreachable (main)\n' });
  t.same(JSON.parse((await ask('--json')).stdout), { status: 'degraded', degraded: health.degraded });

  health = healthOf(['draining']);
  t.match(await ask(), {
    code: 1,
    stdout: `not ready: the gateway at ${admin.url}\n  missing   draining\n`,
  });
  t.match(await ask('--health'), { code: 1, stdout: 'not ready: draining\n' });
});

test('status finds the address as the gateway would, and needs no secret for that', async (t) => {
  const { listen, write, folder, admin } = await arrange(t);
  const [, port = ''] = listen.split(':');
  const text = `
publicUrl: "\${PUBLIC_URL}"
provider: { clientSecret: "\${CLIENT_SECRET}", issuer: "\${file:/nowhere/issuer}" }
session: { secret: "\${SESSION_SECRET}" }
admin:
  listen: "0.0.0.0:\${ADMIN_PORT:-${port}}"
  token: "\${ADMIN_TOKEN}"
`;
  const file = await write('sallyport.yaml', text);
  const ready = { code: 0, stdout: 'ready\n', stderr: '' };
  t.same(await run(['status', '--health', '-c', file]), ready, 'by -c');
  t.same(await run(['status', '--health'], { SALLYPORT_CONFIG: file }), ready, 'by SALLYPORT_CONFIG');
  t.same(await run(['status', '--health'], {}, folder), ready, 'by the standard place');
  const lost = { SALLYPORT_CONFIG: '/nowhere/sallyport.yaml' };
  t.same(await run(['status', '--health'], { ...lost, SALLYPORT_ADMIN_LISTEN: listen }), ready);
  const named = await write('listen', `${listen}\n`);
  t.same(await run(['status', '--health'], { ...lost, SALLYPORT_ADMIN_LISTEN_FILE: named }), ready);
  t.same(await run(['status', '--health', '--admin', admin.url], lost), ready);
  const elsewhere = { ADMIN_PORT: String(await freePort()) };
  t.match(await run(['status', '--health', '-c', file], elsewhere), { code: 1, stderr: /ECONNREFUSED/ });

  const json = await write('sallyport.json', JSON.stringify({ admin: { listen: `[::]:${port}` } }));
  t.match(await run(['status', '-c', json]), { code: 2, stderr: /no answer from http:\/\/\[::1\]:/ });
});

test('status of what cannot be asked ends with 2, and with 1 for a container', async (t) => {
  const { write, listen } = await arrange(t);
  const rows = [
    ['admin: { listen: off }\n', /admin\.listen is off/],
    ['admin: { listen: "127.0.0.1:0" }\n', /port 0.*--admin/],
    ['admin: { listen: somewhere }\n', /somewhere is no address/],
    [`admin: { listen: "\${NOT_SET}" }\n`, /NOT_SET is not set/],
    ['admin: [\n', /not valid YAML/],
    [`admin: { listen: "127.0.0.1:${await freePort()}" }\n`, /ECONNREFUSED/],
    ['admin: { listen: "unix:/nowhere/admin.sock" }\n', /ENOENT/],
  ] as const;
  for (const [text, says] of rows) {
    const file = await write('sallyport.yaml', text);
    t.match(await run(['status', '-c', file]), { code: 2, stderr: says, stdout: '' }, text);
    t.match(await run(['status', '--health', '-c', file]), { code: 1, stderr: says, stdout: '' });
  }
  t.match(await run(['status', '-c', '/nowhere/sallyport.yaml']), { code: 2, stderr: /cannot be read/ });
  t.match(await run(['status', '--admin', `http://${listen}/x`]), { code: 2, stderr: /no address/ });
});

test('reload: done, refused with its problems, and only looked at', async (t) => {
  const problems = ['routes[0].path: expected a path'];
  let isRefused = false;
  const reload: Controls['reload'] = async ({ dryRun }) =>
    isRefused
      ? { result: 'refused', problems }
      : {
          result: dryRun ? 'would-reload' : 'reloaded',
          differences: {
            ...nothing,
            keys: [{ key: 'session.idleTimeout', before: '1h', after: '2h' }],
            fixed: ['workers'],
          },
          warnings: ['pkce of provider main is off'],
        };
  const { listen, write } = await arrange(t, { reload });
  const file = await write('sallyport.yaml', `admin: { listen: "${listen}", token: "\${ADMIN_TOKEN}" }\n`);
  const env = { ADMIN_TOKEN: token };
  t.match(await run(['reload', '-c', file], env), {
    code: 0,
    stdout:
      'reloaded\nkey      session.idleTimeout: 1h -> 2h\nstart    workers: stays as it is until the gateway is started anew\nwarning: pkce of provider main is off\n',
  });
  t.match(await run(['reload', '--dry-run', '-c', file], env), { code: 0, stdout: /nothing was changed/ });
  isRefused = true;
  t.match(await run(['reload', '-c', file], env), {
    code: 1,
    stdout: '',
    stderr: /configuration in force stays.*\n {2}routes\[0\]\.path: expected a path\n/,
  });
  t.match(await run(['reload', '-c', file], { ADMIN_TOKEN: 'not-the-right-token' }), {
    code: 1,
    stderr: /not admin\.token \(401 token_invalid\)/,
  });
  t.match(await run(['reload', '-c', file]), { code: 1, stderr: /ADMIN_TOKEN is not set/ });
  const tokenFile = await write('token', `${token}\n`);
  isRefused = false;
  t.match(await run(['reload', '-c', file, '--token-file', tokenFile]), { code: 0 }, 'a token of its own');
  t.match(await run(['reload', '--admin', `http://${listen}`, '--token-file', tokenFile]), { code: 0 });
});

test('sessions are listed and ended by person, and one by its id', async (t) => {
  const { listen, write, done } = await arrange(t);
  const file = await write('sallyport.yaml', `admin: { listen: "${listen}", token: ${token} }\n`);
  const sessions = (...args: string[]) => run(['sessions', ...args, '-c', file]);
  t.match(await sessions('list', 'ada'), {
    code: 0,
    stdout:
      'session-1  ada ada@example.com  default  since 2023-11-14T22:13:20Z, last seen 2023-11-14T22:14:20Z, until 2023-11-14T23:13:20Z\n',
  });
  t.same(JSON.parse((await sessions('list', 'ada', '--json')).stdout), { sessions: [session] });
  t.match(await sessions('list', 'bob'), { code: 0, stdout: 'no sessions\n' });
  t.match(await sessions('list', 'out'), { code: 1, stderr: /503 store_unavailable/ });
  t.match(await sessions('end', 'ada&user=bob'), { code: 0, stdout: 'ended: 1\n' });
  t.match(await sessions('end', '--id', 'session-1'), { code: 0, stdout: 'ended: 1\n' });
  t.match(await sessions('end', '--id', 'another'), { code: 1, stderr: /no session is known/ });
  t.match(await sessions('end', '--id', '../drain'), { code: 1, stderr: /404/ });
  t.match(await sessions('end'), { code: 1, stderr: /name a person/ });
  t.match(await sessions('end', 'ada', '--id', 'session-1'), { code: 1, stderr: /name a person/ });
  t.same(done.slice(-3), ['end all of ada&user=bob', 'end session-1', 'end another']);
});

test('over a Unix socket no token is needed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-commands-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'admin.sock');
  const { done } = await arrangeAdmin(t, { listen: { path }, token: undefined });
  const file = join(folder, 'sallyport.yaml');
  await writeFile(file, `admin: { listen: "unix:${path}" }\n`);
  t.match(await run(['status', '-c', file]), { code: 0, stdout: `ready: the gateway at unix:${path}\n` });
  t.match(await run(['status', '--health', '--admin', `unix:${path}`]), { code: 0, stdout: 'ready\n' });
  t.match(await run(['reload', '-c', file]), { code: 0, stdout: 'reloaded\n' });
  t.same(done, ['reload']);
});

test('what people are called acts upon no terminal, and names nobody else', async (t) => {
  const [red, backwards] = ['\u001b[31m', '\u202e'];
  const odd = {
    ...session,
    subject: 'sub-of-mallory',
    user: `ada\nsession-2  grace${red}`,
    email: `m${backwards}@example.com  default`,
  };
  const people = { ...peopleWho([]), list: async () => [odd] };
  const { listen, write } = await arrange(t, { people: () => people });
  const file = await write('sallyport.yaml', `admin: { listen: "${listen}", token: ${token} }\n`);
  const { stdout } = await run(['sessions', 'list', 'ada', '-c', file]);
  t.equal(stdout.split('\n').length, 2, 'one line');
  t.match(
    stdout,
    /^session-1 {2}sub-of-mallory "ada\\nsession-2 {2}grace\\u001b\[31m" "m\\u202e@example.com {2}default" {2}default {2}since/,
  );
  const json = (await run(['sessions', 'list', 'ada', '-c', file, '--json'])).stdout;
  t.notMatch(json, new RegExp(`[${red[0]}${backwards}]`));
  t.same(JSON.parse(json), { sessions: [odd] });
});
