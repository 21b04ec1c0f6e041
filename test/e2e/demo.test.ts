import type { BrowserContext, Page } from 'playwright-core';
import { test } from 'tap';
import { type Demo, startDemo } from '../../src/commands/demo.ts';
import { createLogger } from '../../src/observe/log.ts';
import { launchBrowser } from '../support/browser.ts';

const browser = await launchBrowser();
const demo: Demo = await startDemo({ log: createLogger({ level: 'silent', pretty: false }) });

async function visit(person: string): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${demo.url}/notes?from=a%20link`);
  await page.getByRole('button', { name: person }).click();
  await page.waitForURL(`${demo.url}/notes?from=a%20link`);
  return { context, page };
}

test('two people sign in to the demo, each with a click, and pin up notes', async (t) => {
  for (const person of ['Ada Lovelace', 'Zoë Müller']) {
    const { context, page } = await visit(person);
    await page.getByLabel('Your note').fill(`<b>${person}</b> was here & "there"`);
    await page.getByRole('button', { name: 'Pin it up' }).click();
    await page.getByText(`<b>${person}</b> was here & "there"`).waitFor();
    t.match(await page.locator('.card').nth(1).textContent(), person, 'the application knows who wrote it');
    t.equal(await page.locator('main b').count(), 0, 'and escapes what was written');
    await context.close();
  }
});

test('the clock of the demo ticks by server-sent events, through the gateway', async (t) => {
  const { context, page } = await visit('Grace Hopper');
  await page.goto(`${demo.url}/`);
  const clock = page.locator('#clock').filter({ hasText: /^\d\d:\d\d:\d\d UTC for Grace Hopper$/ });
  const first = (await clock.textContent()) ?? '';
  await page.locator('#clock').filter({ hasNotText: first }).waitFor();
  t.not(await clock.textContent(), first);
  await context.close();
});

test('the headers page shows what the gateway added, and no session cookie', async (t) => {
  const { context, page } = await visit('Joseph Weizenbaum');
  await page.getByRole('link', { name: 'Headers' }).click();
  const text = (await page.locator('table').textContent()) ?? '';
  t.match(text, /AuthorizationBearer /);
  t.match(text, /X-Forwarded-Userjoseph/);
  t.match(text, /X-Forwarded-Groupssupport/);
  t.notMatch(text, /sallyport/i);
  t.ok((await context.cookies(demo.url)).some(({ name, httpOnly }) => name === 'sallyport' && httpOnly));
  await context.close();
});

test('signing out of the demo leaves the application and the provider, and the name and password work too', async (t) => {
  const { context, page } = await visit('Ada Lovelace');
  await page.getByRole('link', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Who would you like to be?' }).waitFor();
  t.notOk((await context.cookies(demo.url)).some(({ name }) => name === 'sallyport'));

  await page.getByLabel('Name').fill('grace');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Name').fill('grace');
  await page.getByLabel('Password').fill('demo');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Good day, Grace Hopper.' }).waitFor();
  await context.close();
});

test('the demo ends without leaving anything open', async () => {
  await browser.close();
  await demo.close();
});
