import type { Browser, BrowserContext } from 'playwright-core';
import tap, { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { launchBrowser } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startProvider } from '../support/provider.ts';

/** A name that is no loopback, so that browsers send no Fetch Metadata to it over http. */
const plainHost = 'app.test';
const browser: Browser = await launchBrowser([`--host-resolver-rules=MAP ${plainHost} 127.0.0.1`]);
tap.teardown(() => browser.close());

/** Everything that loads an address without a person who goes there. */
const trap = `<!doctype html><title>trap</title>
<link rel="prefetch" href="/oauth2/sign_out">
<script type="speculationrules">{
  "prefetch": [{ "source": "list", "urls": ["/oauth2/sign_out?prefetch"] }],
  "prerender": [{ "source": "list", "urls": ["/oauth2/sign_out?prerender"], "eagerness": "immediate" }]
}</script>
<img src="/oauth2/sign_out?image"><script src="/oauth2/sign_out?script"></script>
<iframe src="/oauth2/sign_out?frame"></iframe><object data="/oauth2/sign_out?object"></object>
<script>fetch('/oauth2/sign_out?fetch', { headers: { accept: 'text/html' } }).then(() => { document.title = 'fetched' })</script>
<a href="/oauth2/sign_out">Leave</a>`;

async function arrange(t: Test, host = '127.0.0.1') {
  const provider = await startProvider({ endSession: false });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(trap);
  });
  const port = await freePort();
  const url = `http://${host}:${port}`;
  const config = { publicUrl: url, listen: `127.0.0.1:${port}` };
  const gateway = await startTestGateway({ provider, upstream, config });
  t.teardown(() => gateway.close());
  const context = await browser.newContext();
  t.teardown(() => context.close());
  const page = await context.newPage();
  await page.goto(`${url}/page`);
  await page.getByLabel('Name').fill('ada');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${url}/page`);
  return { gateway, url, context, page };
}

async function isSignedIn(context: BrowserContext, url: string): Promise<boolean> {
  const page = await context.newPage();
  const answer = await page.goto(`${url}/oauth2/userinfo`);
  await page.close();
  return answer?.status() === 200;
}

test('D6 nothing that Chromium loads by itself signs anybody out, and a click does', async (t) => {
  const { gateway, url, context, page } = await arrange(t);
  await page.waitForFunction('document.title === "fetched"');
  // Each of the kinds has been asked for: image, script, frame, object, fetch, and one ahead of time at least.
  await gateway.log.line(
    () => gateway.log.lines.filter(({ path }) => path === '/oauth2/sign_out').length >= 6,
  );
  t.ok(await isSignedIn(context, url));
  await page.getByRole('link', { name: 'Leave' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  t.notOk(await isSignedIn(context, url));
});

test('D6 a link of another site leads to a page whose button works', async (t) => {
  const { url, context, page } = await arrange(t);
  const elsewhere = await arrangeUpstream(t, (_request, response) => {
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(`<!doctype html><title>elsewhere</title><a href="${url}/oauth2/sign_out">Look here</a>`);
  });
  // Of another site than 127.0.0.1.
  await page.goto(elsewhere.url.replace('127.0.0.1', 'localhost'));
  await page.getByRole('link', { name: 'Look here' }).click();
  await page.getByText('Another site asks to sign you out here.').waitFor();
  t.ok(await isSignedIn(context, url));
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  t.notOk(await isSignedIn(context, url));
});

test('D6 on plain http, where browsers say nothing of who asks, the button works too', async (t) => {
  const { url, context, page } = await arrange(t, plainHost);
  await page.getByRole('link', { name: 'Leave' }).click();
  await page.getByText('Do you want to sign out?').waitFor();
  const [request] = await Promise.all([
    page.waitForRequest((one) => one.method() === 'POST'),
    page.getByRole('button', { name: 'Sign out' }).click(),
  ]);
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  const headers = await request.allHeaders();
  t.equal(headers.origin, url, 'the page lets its own site know where the form comes from');
  t.equal(headers['sec-fetch-site'], undefined);
  t.notOk(await isSignedIn(context, url));
});
