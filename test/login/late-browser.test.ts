import type { Page } from 'playwright-core';
import { test } from 'tap';
import type { ProviderHit } from '../support/provider.ts';
import { arrangeBrowser, assertEndsAt, framePaths, signIn } from './browser-scene.ts';
import { anotherBrowser } from './steps.ts';

test('twelve frames of one page begin their logins at once, and each ends at its address', async (t) => {
  const { browser, gateway, provider } = await arrangeBrowser(t);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${gateway.url}/first`);
  await signIn(page);
  await assertEndsAt(t, page, `${gateway.url}/first`, 'signed in at the provider');
  await context.clearCookies({ name: /^sallyport/ });
  // None goes on before as many have begun as a browser asks one host for at the same time.
  const atOnce = 6;
  const held: ProviderHit[] = [];
  let most = 0;
  provider.tamper((hit) => {
    if (hit.path !== '/auth' || most >= atOnce) return hit.pass();
    most = held.push(hit);
    if (most < atOnce) return;
    return Promise.all(held.map((each) => each.pass())).then(() => {});
  });
  await page.goto(`${gateway.url}/frames`);
  t.equal(most, atOnce, 'logins that began together');
  const ends = await Promise.all(
    page
      .frames()
      .filter((frame) => frame.parentFrame())
      .map((frame) => frame.getByRole('heading').textContent()),
  );
  t.same(ends.sort(), framePaths.toSorted());
});

test('a browser that opens what an Office program was answered ends at the page, signed in or not', async (t) => {
  const { browser, gateway } = await arrangeBrowser(t);
  const page = await (await browser.newContext()).newPage();
  for (const [at, what] of ['without a session', 'with one'].entries()) {
    const url = `${gateway.url}/reports/q${at}?x=1`;
    const program = anotherBrowser(t);
    const office = {
      accept: 'text/html, application/xhtml+xml, */*',
      'user-agent': 'Microsoft Office Word 2014',
    };
    for (const method of ['OPTIONS', 'HEAD']) {
      t.same((await program.request(url, { method, headers: office })).setCookies, [], method);
    }
    const { headers, status } = await program.request(url, { headers: office });
    t.equal(status, 302);
    await page.goto(headers.location ?? '');
    if (at === 0) await signIn(page);
    await assertEndsAt(t, page, url, what);
  }
});

/** Signs in and gives the address of the callback, as a history or a bookmark holds it. */
async function signInAndKeepCallback(page: Page, url: string): Promise<string> {
  let callback = '';
  page.on('request', (request) => {
    if (request.url().includes('/oauth2/callback?')) callback ||= request.url();
  });
  await page.goto(url);
  await signIn(page);
  await page.waitForURL(url);
  return callback;
}

test('a callback out of the history or of a bookmark leads to its page', async (t) => {
  const { browser, gateway } = await arrangeBrowser(t);
  const page = await (await browser.newContext()).newPage();
  const url = `${gateway.url}/kept?x=1`;
  const callback = await signInAndKeepCallback(page, url);
  await page.goto(`${gateway.url}/elsewhere`);
  await page.goto(callback);
  await assertEndsAt(t, page, url, 'with the session');
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(callback);
  await signIn(stranger);
  await assertEndsAt(t, stranger, url, 'in another browser');
});

test('the Back button to a callback that went wrong leads to the page, once somebody is signed in', async (t) => {
  const { browser, gateway } = await arrangeBrowser(t);
  const page = await (await browser.newContext()).newPage();
  const url = `${gateway.url}/back?x=1`;
  await page.goto(url);
  await page.click('button.cancel');
  await page.getByText('The sign-in service refused the sign-in').waitFor();
  const callback = page.url();
  await page.getByRole('link', { name: 'Start again' }).click();
  await signIn(page);
  await assertEndsAt(t, page, url, 'signed in');
  const asked = page.waitForRequest(callback);
  while (!page.isClosed()) {
    const answer = await page.goBack();
    if (answer?.request().redirectedFrom()?.url() === callback) break;
  }
  await asked;
  await assertEndsAt(t, page, url, 'and back');
});
