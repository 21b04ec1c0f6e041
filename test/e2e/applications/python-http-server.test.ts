import { createHash, randomBytes } from 'node:crypto';
import { test } from 'tap';
import { startPythonServer } from '../../support/applications/python.ts';
import { arrangeGateway } from '../../support/arrange.ts';
import { logIn } from '../../support/log-in.ts';
import { startProvider } from '../../support/provider.ts';

test('a folder served by Python is listed and read through the gateway', async (t) => {
  const bytes = randomBytes(300_000);
  const python = await startPythonServer({
    'notes.txt': 'first line\n',
    'data/random.bin': bytes,
    'data/naïve file (1).txt': 'unusual name\n',
  });
  t.teardown(() => python.stop());
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const { gateway, client } = await arrangeGateway(t, { provider, upstream: python });

  await t.test('nothing is shown before the login', async (t) => {
    const answer = await client.get(`${gateway.url}/notes.txt`);
    t.equal(answer.status, 401);
    t.notMatch(python.output(), 'notes.txt');
  });

  await t.test('the login ends at the listing that was asked for', async (t) => {
    const answer = await logIn(client, gateway.url, 'grace', { path: '/data/' });
    t.equal(answer.status, 200);
    t.match(answer.text, 'random.bin');
    t.match(answer.headers['content-type'], 'text/html');
  });

  await t.test('a file arrives byte for byte', async (t) => {
    const answer = await client.get(`${gateway.url}/data/random.bin`);
    t.equal(answer.headers['content-length'], String(bytes.length));
    t.equal(digest(answer.body), digest(bytes));
  });

  await t.test('encoded names in links work', async (t) => {
    const listing = await client.get(`${gateway.url}/data/`);
    const href = /href="([^"]*file[^"]*)"/.exec(listing.text)?.[1];
    const answer = await client.get(`${gateway.url}/data/${href}`);
    t.equal(answer.text, 'unusual name\n');
  });

  await t.test('a folder without slash is redirected to where the browser can go', async (t) => {
    const answer = await client.get(`${gateway.url}/data`);
    t.equal(answer.status, 301);
    t.equal(new URL(answer.headers.location ?? '', `${gateway.url}/data`).href, `${gateway.url}/data/`);
  });

  await t.test("the application's own errors come through as they are", async (t) => {
    const missing = await client.get(`${gateway.url}/nothing-here`);
    t.equal(missing.status, 404);
    t.equal(missing.headers['x-sallyport-error'], undefined);
    t.match(missing.headers.server, 'SimpleHTTP');
    const unsupported = await client.request(`${gateway.url}/notes.txt`, { method: 'DELETE' });
    t.equal(unsupported.status, 501);
    t.equal(unsupported.headers['x-sallyport-error'], undefined);
  });
});

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
