import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { until } from '../support/until.ts';
import { parseDockerfile } from './dockerfile.ts';
import { buildImage, fingerprint, pathIn } from './image.ts';

// alone: it sets the umask

const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));

// Two installations of packages take their time on a busy machine.
t.setTimeout(400_000);

// A container's files can be read by everybody; so must these be, whatever this machine's habit is.
process.umask(0o022);
const scratch = await mkdtemp(join(tmpdir(), 'sallyport-image-'));
await chmod(scratch, 0o755);
t.teardown(() => rm(scratch, { recursive: true, force: true }));

const image = await buildImage(projectRoot, scratch);

/** As the container runs it: the image's own environment, user and paths, and nothing of this machine's. */
function start(words: readonly string[], env: Record<string, string>) {
  const [program = '', ...args] = words;
  const [uid, gid] = image.user.split(':').map(Number);
  const isRoot = process.getuid?.() === 0;
  // `env -i` becomes the program itself. An environment given to spawn would not do: the test runner adds to it.
  const variables = { PATH: pathIn(image, '/usr/local/bin'), ...image.env, ...env };
  const child = spawn(
    'env',
    [
      '-i',
      ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      pathIn(image, join('/usr/local/bin', program)),
      ...args.map((word) => (word.startsWith('/') ? pathIn(image, word) : word)),
    ],
    {
      cwd: pathIn(image, '.'),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(isRoot && uid !== undefined && gid !== undefined ? { uid, gid } : {}),
    },
  );
  t.teardown(() => child.kill('SIGKILL'));
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  }
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  return { child, exit, output };
}

t.test('both stages start from one image that is pinned to a version of Node', async (t) => {
  const stages = parseDockerfile(await readFile(join(projectRoot, 'Dockerfile'), 'utf8'));
  t.equal(new Set(stages.map(({ base }) => base)).size, 1);
  t.match(image.base, /^node:\d+\.\d+\.\d+-[a-z]+-slim$/);
});

t.test('the container runs without a shell, as a user that owns nothing', async (t) => {
  t.match(image.user, /^[1-9]\d*:[1-9]\d*$/, 'a number, which Kubernetes can tell from root');
  t.same([...image.entrypoint, ...image.command], ['node', '/app/dist/src/main.js', 'serve']);
  t.same(image.env, { SALLYPORT_LISTEN: '0.0.0.0:4180' });
  t.same(image.exposed, ['4180']);
  t.equal(image.labels['org.opencontainers.image.licenses'], 'Apache-2.0');
});

t.test('the image holds the compiled program, what it needs at run time, and nothing else', async (t) => {
  t.same((await readdir(pathIn(image, '.'))).sort(), ['LICENSE', 'dist', 'node_modules', 'package.json']);
  t.same(await readdir(pathIn(image, 'dist')), ['src']);
});

t.test('no development dependency and nothing of the demo is in the image', async (t) => {
  const locked = await packagesOf(join(projectRoot, 'package-lock.json'));
  const installed = await packagesOf(pathIn(image, 'node_modules/.package-lock.json'));
  const needed = Object.keys(locked).filter((place) => {
    const { dev, optional, devOptional } = locked[place] ?? {};
    return place !== '' && !dev && !optional && !devOptional;
  });
  t.ok(needed.length > 10, `${needed.length} packages`);
  t.same(Object.keys(installed).sort(), needed.sort());
  for (const name of ['typescript', 'tap', 'oidc-provider']) {
    t.notOk(existsSync(pathIn(image, join('node_modules', name))), name);
  }
});

t.test('the container serves, is found healthy, writes nothing and ends on SIGTERM', async (t) => {
  const config = join(scratch, 'sallyport.yaml');
  const [port, adminPort] = [await freePort(), await freePort()];
  await writeFile(config, gatewayYaml({ upstream: 'http://127.0.0.1:9' }, port));
  const env = { SALLYPORT_CONFIG: config, SALLYPORT_ADMIN_LISTEN: `127.0.0.1:${adminPort}` };
  // The check is told the address as an orchestrator would: on every interface.
  const healthcheck = async () => {
    const { exit, output } = start(image.healthcheck, { SALLYPORT_ADMIN_LISTEN: `0.0.0.0:${adminPort}` });
    return { code: await exit, said: output.join('') };
  };
  const before = await fingerprint(image, '.');

  const { child, exit, output } = start([...image.entrypoint, ...image.command], {
    ...env,
    SALLYPORT_LISTEN: `127.0.0.1:${port}`,
  });
  await until(
    `the gateway (${output.join('')})`,
    async () => {
      if (child.exitCode !== null) throw new Error(output.join(''));
      return (await fetch(`http://127.0.0.1:${adminPort}/healthz`).catch(() => undefined))?.ok;
    },
    20_000,
  );
  t.match(await healthcheck(), { code: 0, said: /^ready/ });

  child.kill('SIGTERM');
  t.equal(await exit, 0, output.join(''));
  t.match(await healthcheck(), { code: 1, said: /ECONNREFUSED/ }, 'unhealthy once it is gone');
  t.same(await fingerprint(image, '.'), before, 'nothing was written');
});

async function packagesOf(file: string): Promise<Record<string, Record<string, unknown>>> {
  return JSON.parse(await readFile(file, 'utf8')).packages;
}
