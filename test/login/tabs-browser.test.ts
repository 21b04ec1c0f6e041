import type { Page } from 'playwright-core';
import { test } from 'tap';
import { arrangeBrowser, assertEndsAt, signIn } from './browser-scene.ts';

test('24 tabs, one after the other: each ends at its address, with its login cookie and without', async (t) => {
  const { browser, gateway } = await arrangeBrowser(t);
  const context = await browser.newContext();
  const tabs: { page: Page; url: string }[] = [];
  for (let at = 0; at < 24; at++) {
    const page = await context.newPage();
    const url = `${gateway.url}/tab/${at}?n=${at}`;
    await page.goto(url);
    t.not(new URL(page.url()).origin, gateway.url, 'it stays at the provider');
    tabs.push({ page, url });
  }
  for (const [at, { page, url }] of tabs.entries()) {
    // As after ten minutes.
    if (at === 12) await context.clearCookies({ name: /-login-/ });
    await signIn(page);
    await assertEndsAt(t, page, url, `tab ${at}`);
    await page.close();
  }
});
