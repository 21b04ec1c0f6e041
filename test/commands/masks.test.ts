import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import { type Test, test } from 'tap';
import { check } from '../../src/commands/check.ts';
import { explain } from '../../src/commands/explain.ts';
import { ConfigError } from '../../src/config/problems.ts';
import { projectRoot } from '../docs/documents.ts';
import { freePort } from '../support/free-port.ts';

const env = {
  API_KEY: 'k3y-of-the-upstream',
  APP_USER: 'svc-legacy-7',
  APP_PASSWORD: 'p4ss of the application',
  CLIENT_SECRET: 'client-s3cret-value',
  PUBLIC_URL: 'https://app.example.com',
  UPSTREAM: 'http://legacy.internal:8080',
  BROKEN: 'br{ken-s3cret}',
};
Object.assign(process.env, env);
const secret = Buffer.alloc(32, 9).toString('base64');

const yaml = (more = '') => `
publicUrl: \${PUBLIC_URL}
provider: { issuer: "https://login.example.com", clientId: app, clientSecret: "\${CLIENT_SECRET}" }
session: { secret: "${secret}" }
headers: { X-Key: "key \${API_KEY} of {user}", X-Default: "\${NOT_SET:-standard-v4lue}", X-Plain: "of the file" }
routes:
  - path: /
    upstream: \${UPSTREAM}
    headers: { X-File: "\${file:FILE}" }
  - path: /basic
    upstream: \${UPSTREAM}
    basicAuth: { username: "\${APP_USER}", password: "\${APP_PASSWORD}" }
${more}`;

type Command = (file: string, folder: string) => string | Promise<string>;

/** What a command says about a configuration, as it is printed, or as its last words. */
async function run(t: Test, text: string, command: Command): Promise<string> {
  const folder = t.testdir({ secret: 'f1le-content\n', 'ada.json': '{"sub":"ada"}' });
  const file = join(folder, 'sallyport.yaml');
  writeFileSync(file, text.replace('FILE', join(folder, 'secret')));
  return command(file, folder);
}

/** In this process, since a process of its own for each of them takes long. */
const explaining =
  (method: string, url: string, as?: string): Command =>
  (config, folder) =>
    lastWords(() =>
      explain(method, url, { config, from: '127.0.0.1', ...(as !== undefined && { as: join(folder, as) }) }),
    );

const checking =
  (options: { offline?: boolean } = {}): Command =>
  (config) =>
    lastWords(async () => {
      const lines: string[] = [];
      const { log } = console;
      console.log = (...values) => void lines.push(format(...values));
      try {
        await check({ config, ...options });
      } finally {
        console.log = log;
      }
      return lines.join('\n');
    });

/** The program itself, which prints the same. */
const program =
  (...args: string[]): Command =>
  (file) => {
    const [command = '', ...rest] = args;
    const child = spawnSync(process.execPath, ['dist/src/main.js', command, '-c', file, ...rest], {
      cwd: projectRoot,
      encoding: 'utf8',
    });
    return child.stdout + child.stderr;
  };

async function lastWords(command: () => string | Promise<string>): Promise<string> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const secrets = [
  ...[env.API_KEY, env.APP_USER, env.APP_PASSWORD, env.CLIENT_SECRET, secret],
  ...['f1le-content', 'standard-v4lue', 'br{ken', 'ken-s3cret', 's3cret-of-redis'],
  Buffer.from(`${env.APP_USER}:${env.APP_PASSWORD}`).toString('base64'),
];

function assertMasked(t: Test, output: string): void {
  for (const one of secrets) t.notOk(output.includes(one), `${one} in ${output}`);
}

test('explain masks what came from ${} into headers, and shows addresses', async (t) => {
  const output = await run(t, yaml(), explaining('GET', '/x', 'ada.json'));
  t.match(output, 'header    X-Key: key *** of ada');
  t.match(output, 'header    X-Default: ***');
  t.match(output, 'header    X-File: ***');
  t.match(output, 'header    X-Plain: of the file');
  t.match(output, env.UPSTREAM);
  assertMasked(t, output);
  const basic = await run(t, yaml(), explaining('GET', '/basic', 'ada.json'));
  t.match(basic, 'Authorization: Basic ***');
  assertMasked(t, basic);
  const absolute = await run(t, yaml(), program('explain', 'GET', `${env.PUBLIC_URL}/x`));
  t.match(absolute, 'decision  login', 'the public address is the real one');
});

test('no message about a configuration that cannot be used repeats a secret', async (t) => {
  for (const [more, expected] of [
    ['  - { path: /a, upstream: "http://a", headers: { X-A: "${BROKEN}" } }', /X-A: expected a template/],
    ['  - { path: /a, upstream: "http://a", basicAuth: { username: a, password: "${BROKEN}" } }', /password/],
    ['  - { path: /a, upstream: "http://u:s3cret-of-redis@a/" }', /\*\*\*@a/],
    ['  - { path: "*s3cret-of-redis" }\nx: *s3cret-of-redis', /not valid YAML/],
    ['x: |s3cret-of-redis\n  a', /not valid YAML/],
  ] as const) {
    for (const [name, command] of [
      ['check', checking({ offline: true })],
      ['explain', explaining('GET', '/x')],
      ['serve', program('serve')],
    ] as const) {
      const output = await run(t, yaml(more), command);
      t.match(output, expected, name);
      assertMasked(t, output.replace('"*s3cret-of-redis"', ''));
    }
  }
});

test('check masks secrets in what others say', async (t) => {
  const url = `redis://:s3cret-of-redis@127.0.0.1:${await freePort()}`;
  const text = yaml().replace('session: {', `session: { store: "${url}", `);
  const output = await run(t, text, program('check'));
  t.match(output, /FAIL {3}Redis/);
  t.match(output, env.UPSTREAM, 'addresses stay readable');
  assertMasked(t, output);
});
