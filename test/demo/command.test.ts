import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { type Test, test } from 'tap';
import { startDemo } from '../../src/commands/demo.ts';
import { greeting } from '../../src/demo/greeting.ts';
import { demoPassword, demoPeople } from '../../src/demo/people.ts';
import { startChild } from '../support/child.ts';
import { type Client, createClient } from '../support/client.ts';
import { unobserved } from '../support/observe.ts';
import { until } from '../support/until.ts';

const project = fileURLToPath(new URL('../../..', import.meta.url));

/** `sallyport demo` as a process of its own; the test runner's loader stays out of it. */
async function runDemo(t: Test, folder = project) {
  const child = await startChild(
    'env',
    ['-u', 'NODE_OPTIONS', process.execPath, join(folder, 'dist/src/main.js'), 'demo'],
    { ready: ({ stdout }) => stdout.join('').includes('Ctrl-C') },
  );
  const client = createClient();
  t.teardown(async () => {
    client.close();
    await child.stop();
  });
  const url = /http:\/\/localhost:\d+/.exec(child.stdout.join(''))?.[0] ?? '';
  return { child, client, url };
}

/** Walks the login; gives the page at the end. */
async function signIn(client: Client, url: string, login: string) {
  const page = await client.navigate(`${url}/`, { follow: 10 });
  return client.request(page.url, {
    method: 'POST',
    body: new URLSearchParams({ login, password: demoPassword }).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    follow: 10,
  });
}

test('the demo prints where to go and as whom, and nothing else', async (t) => {
  const { child, client, url } = await runDemo(t);
  const home = await signIn(client, url, 'ada');
  t.match(home.text, 'Good day, Ada Lovelace.');
  const text = child.stdout.join('');
  for (const { login, name, groups } of demoPeople)
    t.match(text, new RegExp(`${login} +${name} +${groups.join(', ')}\n`));
  t.match(text, 'password is demo');
  const status = /stands: +(http:\/\/127\.0\.0\.1:\d+\/)/.exec(text)?.[1] ?? '';
  t.match((await client.navigate(status)).text, 'Sallyport status');
  t.notMatch(text, '\u001b', 'no colour where nobody looks');
  t.equal(text.trim().split('\n')[0], 'The Sallyport demo is running.');
  t.ok(text.trim().endsWith('Ctrl-C ends it.'), 'no line of a log');
  t.same(child.stderr, [], 'and no notices of the provider');
});

test('the greeting is in colour on a terminal, and the same text', async (t) => {
  const parts = {
    url: 'http://localhost:1',
    issuer: 'http://127.0.0.1:2',
    statusUrl: 'http://127.0.0.1:3/',
    people: demoPeople,
  };
  const coloured = greeting({ ...parts, colours: true });
  t.match(coloured, '\u001b[');
  t.equal(stripVTControlCharacters(coloured), greeting({ ...parts, colours: false }));
});

test('the demo stops at once on a signal, also while a page with the clock is open', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { child, client, url } = await runDemo(t);
    await signIn(client, url, 'grace');
    const { answer } = await client.open(`${url}/clock`);
    answer.resume();
    const start = performance.now();
    child.process.kill(signal);
    t.same(await child.exited, { code: 0, signal: null }, signal);
    // Open connections are given eight seconds by the gateway.
    t.ok(performance.now() - start < 4000, `${signal}: the clock is not waited for`);
    t.match(child.stdout.join(''), /Stopping …\n$/, `${signal}: no warnings`);
  }
});

test('a second signal ends the demo without waiting for what is under way', async (t) => {
  const { child, client, url } = await runDemo(t);
  await signIn(client, url, 'grace');
  const unfinished = new Readable({ read() {} });
  unfinished.push('text=to be cont');
  const upload = client.request(`${url}/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url },
    body: unfinished,
  });
  const broken = t.rejects(upload, 'the upload breaks');
  // By the time that a later request has made the whole round, the upload is under way.
  await client.get(`${url}/notes`);
  child.process.kill('SIGINT');
  await until('the first signal', () => child.stdout.join('').includes('Stopping'));
  child.process.kill('SIGINT');
  t.same(await child.exited, { code: 1, signal: null });
  await broken;
});

test('two demos run beside each other, each with its own people and sessions', async (t) => {
  const first = await startDemo({ observe: unobserved });
  t.teardown(first.close);
  const portOf = (url: string) => Number(new URL(url).port);
  const taken = portOf(first.issuer);
  const second = await startDemo({
    observe: unobserved,
    ports: { gateway: portOf(first.url), provider: taken, application: taken },
  });
  t.teardown(second.close);
  t.not(second.url, first.url);
  t.not(second.issuer, first.issuer);
  for (const [demo, person, name] of [
    [first, 'ada', 'Ada Lovelace'],
    [second, 'zoe', 'Zoë Müller'],
  ] as const) {
    const client = createClient();
    t.teardown(client.close);
    t.match((await signIn(client, demo.url, person)).text, `Good day, ${name}.`);
  }
});

test('without oidc-provider the demo says what to install', async (t) => {
  // Not below the project, whose packages Node would find.
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-demo-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(join(project, 'dist/src'), join(folder, 'dist/src'), { recursive: true });
  cpSync(join(project, 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(project, 'node_modules'))) {
    const isPackage = name !== 'oidc-provider' && !name.startsWith('.');
    if (isPackage) symlinkSync(join(project, 'node_modules', name), join(folder, 'node_modules', name));
  }
  await t.rejects(runDemo(t, folder), {
    message:
      /ended with 1\nThe demo needs the package oidc-provider\. Install it: npm install oidc-provider@9\n$/,
  });
});
