import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { parse, stringify } from 'yaml';
import { arrangeUpstream } from '../support/arrange.ts';
import { startChild } from '../support/child.ts';
import { createClient } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { type SpawnedGateway, spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';

type Document = Record<string, unknown> & { routes: Record<string, unknown>[] };

const patienceMs = 20_000;

/** A gateway that runs as people run it, whose file is written anew. */
async function arrange(t: Test, config: Record<string, unknown>) {
  const upstream = await arrangeUpstream(t);
  const gateway = await spawnGateway({
    awaitProvider: false,
    config: { routes: [{ path: '/', upstream: upstream.url, allow: 'public' }], ...config },
  });
  t.teardown(() => gateway.stop());
  const client = createClient();
  t.teardown(() => client.close());
  const text = await readFile(gateway.file, 'utf8');
  /** At once, so that nobody reads half of it. */
  const write = (next: string) => {
    writeFileSync(`${gateway.file}.next`, next);
    renameSync(`${gateway.file}.next`, gateway.file);
  };
  const changed = (change: (document: Document) => void) => {
    const document = parse(text) as Document;
    change(document);
    return stringify(document);
  };
  const host = new URL(gateway.url).host;
  const status = async (path: string, url = gateway.url) => {
    const answer = await client.get(url + path, { host });
    return answer.headers['x-sallyport-error'] ?? answer.status;
  };
  return { gateway, upstream, write, changed, text, status };
}

/** What the log says of the reload after so many lines. */
function outcome({ log }: SpawnedGateway, after: number) {
  return until(
    'the end of a reload',
    () => log.lines.slice(after).find(({ msg }) => /^reload/.test(String(msg))),
    patienceMs,
  );
}

for (const workers of [1, 2]) {
  test(`workers: ${workers}: who is exempt from limits is said once at start, and again when it has changed`, {
    timeout: 120_000,
  }, async (t) => {
    const { gateway, write, changed } = await arrange(t, { workers, trustedProxies: ['192.0.2.1'] });
    const reload = async (trustedProxies: string[]) => {
      const before = gateway.log.lines.length;
      write(
        changed((document) => {
          document.trustedProxies = trustedProxies;
        }),
      );
      gateway.process.kill('SIGHUP');
      t.match(await outcome(gateway, before), { msg: 'reloaded' });
    };
    const told = () =>
      gateway.log.lines
        .filter(({ msg }) => msg === 'limits by client do not count everybody')
        .map(({ who }) => (who as string[]).length);
    await reload(['192.0.2.1']);
    await reload(['192.0.2.2']);
    t.same(told(), [2], 'once, by whoever');
    await reload([]);
    t.same(told(), [2, 0], 'everybody counts now');
    await reload(['192.0.2.1']);
    t.same(told(), [2, 0, 2]);
  });

  test(`workers: ${workers}: SIGHUP puts the file in force in all processes, and a broken one in none`, async (t) => {
    const { gateway, write, changed, text, status } = await arrange(t, { workers });
    const everywhere = async (path: string) => {
      const seen = await Promise.all(Array.from({ length: 12 }, () => status(path)));
      return [...new Set(seen)];
    };
    const reload = async (next: string) => {
      const before = gateway.log.lines.length;
      write(next);
      gateway.process.kill('SIGHUP');
      return outcome(gateway, before);
    };
    t.same(await everywhere('/shut'), [200]);
    const more = changed(({ routes }) => {
      routes.push({ path: '/shut', upstream: 'http://127.0.0.1:9', allow: [{ groups: 'nobody' }] });
    });
    const reloaded = await reload(more);
    t.match(reloaded, { msg: 'reloaded', by: 'SIGHUP', config: gateway.file });
    await until('all of them', async () => String(await everywhere('/shut')) === 'not_signed_in', patienceMs);

    const broken = await reload(`${text}\nrotes: []\n`);
    t.match(broken, { level: 'error', by: 'SIGHUP' });
    t.match(String(broken.problems), /:\d+: rotes: there is no such key; did you mean routes\?/);
    t.same(await everywhere('/shut'), ['not_signed_in'], 'what was in force stays');

    const taken = changed((document) => Object.assign(document, { listen: '203.0.113.1:80' }));
    t.match(await reload(taken), { level: 'error', problems: [/EADDRNOTAVAIL/] });
    t.same(await everywhere('/shut'), ['not_signed_in']);

    t.match(await reload(text), { msg: 'reloaded' });
    await until('all of them', async () => String(await everywhere('/shut')) === '200', patienceMs);
  });
}

for (const workers of [1, 2]) {
  test(`workers: ${workers}: nobody waits for a new provider that hangs`, async (t) => {
    const { gateway, write, changed, text, status } = await arrange(t, { workers });
    const asked: string[] = [];
    const hanging = await arrangeUpstream(t, (request) => void asked.push(request.url ?? ''));
    const withHanging = (change: (document: Document) => void = () => {}) =>
      changed((document) => {
        const { provider, ...rest } = document;
        for (const key of Object.keys(document)) delete (document as Record<string, unknown>)[key];
        const other = { ...(provider as object), issuer: hanging.url, timeout: '8s' };
        Object.assign(document, rest, { providers: { default: provider, other } });
        document.routes.push({ path: '/shut', upstream: 'http://127.0.0.1:9' });
        change(document);
      });
    const reload = async (next: string) => {
      const before = gateway.log.lines.length;
      write(next);
      gateway.process.kill('SIGHUP');
      return outcome(gateway, before);
    };
    // It would be told of when its time is up.
    const isGivenUp = () =>
      gateway.log.lines.some(({ msg, provider }) => msg === 'provider not found' && provider === 'other');
    const refused = withHanging((document) => Object.assign(document, { listen: '203.0.113.1:80' }));
    t.match(await reload(refused), { level: 'error', problems: [/EADDRNOTAVAIL/] });
    t.equal(await status('/shut'), 200, 'a plan that does not hold changes nothing');
    t.match(await reload(withHanging()), { msg: 'reloaded' });
    t.ok(asked.length > 0, 'it is looked for');
    t.notOk(isGivenUp(), 'and not waited for');
    t.equal(await status('/shut'), 'not_signed_in');
    t.match(await reload(text), { msg: 'reloaded' }, 'nor does it hold up the way back');
  });
}

test('a worker that is started anew has the configuration in force, not a broken file', async (t) => {
  const { gateway, write, text, status } = await arrange(t, { workers: 2 });
  const listening = () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length;
  await until('both workers', () => listening() === 2, patienceMs);
  const before = gateway.log.lines.length;
  write(`${text}\nrotes: []\n`);
  gateway.process.kill('SIGHUP');
  t.match(await outcome(gateway, before), { level: 'error' });
  const children = await readFile(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8');
  const [worker] = children.trim().split(' ').map(Number);
  process.kill(worker as number, 'SIGKILL');
  await gateway.log.line(({ msg }) => /a worker ended/.test(String(msg)));
  await until('another worker', () => listening() === 3, patienceMs);
  t.equal(await status('/'), 200);
});

test('what no worker could open is in force nowhere, and the workers to come serve', async (t) => {
  const { gateway, write, changed, status } = await arrange(t, { workers: 2 });
  const listening = () => gateway.log.lines.filter(({ msg }) => msg === 'listening').length;
  await until('both workers', () => listening() === 2, patienceMs);
  const before = gateway.log.lines.length;
  write(changed((document) => Object.assign(document, { listen: '203.0.113.1:80' })));
  const children = await readFile(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8');
  for (const worker of children.trim().split(' ').map(Number)) process.kill(worker, 'SIGKILL');
  await gateway.log.line(({ msg }) => /a worker ended/.test(String(msg)));
  gateway.process.kill('SIGHUP');
  t.match(await outcome(gateway, before), { level: 'error', msg: /refused/ });
  await until('another worker', () => listening() > 2, patienceMs);
  t.equal(await status('/'), 200);
});

test('a signal while the gateway starts has it read its file again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-early-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sallyport.yaml');
  writeFileSync(file, gatewayYaml({ upstream: 'http://127.0.0.1:9' }, await freePort()));
  const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
  let isAsked = false;
  const child = await startChild(process.execPath, [main, 'serve', '-c', file], {
    ready(starting) {
      const log = starting.stdout.join('');
      if (!isAsked && log.includes('"msg":"starting"')) isAsked = starting.process.kill('SIGHUP');
      return log.includes('"msg":"reloaded"');
    },
  });
  t.match(child.stdout.join(''), /"by":"SIGHUP"/);
  await child.stop();
});

test('listeners are added, moved, widened and removed', async (t) => {
  const { gateway, write, changed, status } = await arrange(t, {});
  const own = new URL(gateway.url).host;
  const port = await freePort();
  const other = `http://127.0.0.1:${port}`;
  const listenOn = async (listen: unknown) => {
    const before = gateway.log.lines.length;
    write(changed((document) => Object.assign(document, { listen })));
    gateway.process.kill('SIGHUP');
    t.match(await outcome(gateway, before), { msg: 'reloaded' }, String(listen));
  };
  await t.rejects(status('/', other));
  await listenOn([own, `127.0.0.1:${port}`]);
  t.equal(await status('/', other), 200);
  t.equal(await status('/'), 200);
  await listenOn(`127.0.0.1:${port}`);
  t.equal(await status('/', other), 200);
  await until(
    'the first one to close',
    () =>
      status('/').then(
        () => false,
        () => true,
      ),
    patienceMs,
  );
  await listenOn(`0.0.0.0:${port}`);
  // The port is free only when the narrower address has left it.
  const wider = () => status('/', `http://127.0.0.2:${port}`).catch(() => undefined);
  t.equal(await until('the wider address', wider, patienceMs), 200);
  await listenOn(own);
  t.equal(await status('/'), 200);
});

test('with watch a change of the file is enough, with off nothing is', async (t) => {
  const { gateway, write, changed, status } = await arrange(t, { reload: 'watch' });
  const before = gateway.log.lines.length;
  write(
    changed((document) => {
      document.reload = 'off';
      document.routes = [{ path: '/elsewhere', upstream: 'http://127.0.0.1:9', allow: 'public' }];
    }),
  );
  t.match(await outcome(gateway, before), { msg: 'reloaded', by: 'watch' });
  t.equal(await status('/'), 'no_route');
  const after = gateway.log.lines.length;
  gateway.process.kill('SIGHUP');
  t.match(await outcome(gateway, after), { level: 'warn', msg: /reload is off/ });
});

test('that sessions are in memory is said once, and not by each reload', async (t) => {
  const { gateway, write, changed, text } = await arrange(t, { session: { store: 'memory' } });
  for (const next of [
    changed((document) => Object.assign(document, { limits: { keepAlive: '9s' } })),
    text,
  ]) {
    const before = gateway.log.lines.length;
    write(next);
    gateway.process.kill('SIGHUP');
    t.match(await outcome(gateway, before), { msg: 'reloaded' });
  }
  t.equal(gateway.log.lines.filter(({ msg }) => /kept in memory/.test(String(msg))).length, 1);
});

test('the level of the log follows, and what needs a start is named', async (t) => {
  const { gateway, write, changed } = await arrange(t, {});
  const before = gateway.log.lines.length;
  write(
    changed((document) => {
      document.logging = { level: 'warn' };
      document.workers = 3;
    }),
  );
  gateway.process.kill('SIGHUP');
  const line = await until(
    'the fixed keys',
    () => gateway.log.lines.slice(before).find(({ keys }) => keys !== undefined),
    patienceMs,
  );
  t.match(line, { level: 'warn', keys: ['workers'] });
  await fetch(`${gateway.url}/`);
  await fetch(`${gateway.url}/`);
  t.notOk(
    gateway.log.lines.slice(before).some(({ msg }) => msg === 'request'),
    'requests are not written any more',
  );
});

/** The path of a socket has to be short. */
function socketFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('workers: 2: a reload takes over the socket that a killed process has left', async (t) => {
  const { gateway, write, changed } = await arrange(t, { workers: 2 });
  const path = join(socketFolder(t), 'g.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  t.ok(existsSync(path), 'the file is left');
  const before = gateway.log.lines.length;
  write(changed((document) => Object.assign(document, { listen: [document.listen, `unix:${path}`] })));
  gateway.process.kill('SIGHUP');
  t.match(await outcome(gateway, before), { msg: 'reloaded' });
  const status = await new Promise((resolve, reject) => {
    const host = new URL(gateway.url).host;
    const asked = request({ socketPath: path, path: '/', headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('error', reject).end();
  });
  t.equal(status, 200);
});
