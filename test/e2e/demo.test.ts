import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import tap, { type Test, test } from 'tap';
import { startDemo } from '../../src/commands/demo.ts';
import { launchBrowser } from '../support/browser.ts';
import { unobserved } from '../support/observe.ts';

const browser: Browser = await launchBrowser();
const demo = await startDemo({ observe: unobserved });
tap.teardown(async () => {
  await browser.close();
  await demo.close();
});

interface Visit {
  context: BrowserContext;
  page: Page;
  /** What the browser complained about: scripts that fail, and what a content security policy forbids. */
  complaints: string[];
}

/** Somebody signs in with a click on their card, on the way to the notes. */
async function visit(t: Test, person: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext(options);
  t.teardown(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.goto(`${demo.url}/notes?from=a%20link`);
  await page.getByRole('button', { name: person }).click();
  await page.waitForURL(`${demo.url}/notes?from=a%20link`);
  return { context, page, complaints };
}

async function pinUp(page: Page, note: string) {
  await page.getByLabel('Your note').fill(note);
  await page.getByRole('button', { name: 'Pin it up' }).click();
  return page.getByRole('article').filter({ hasText: note }).textContent();
}

test('two people sign in to the demo, each with a click, and pin up notes', async (t) => {
  for (const person of ['Ada Lovelace', 'Zoë Müller']) {
    const { page, complaints } = await visit(t, person);
    const pinned = await pinUp(page, `<b>${person}</b> was here & "there"`);
    t.match(pinned, new RegExp(`${person}, \\d{4}-`), 'the application knows who wrote it');
    t.equal(await page.locator('main b').count(), 0, 'and escapes what was written');
    t.same(complaints, []);
  }
});

test('the cellar of the demo opens to those of its group, and who is turned away finds the way back', async (t) => {
  const ada = await visit(t, 'Ada Lovelace');
  await ada.page.getByRole('link', { name: 'Who am I?' }).click();
  await ada.page.getByRole('link', { name: 'Go down' }).click();
  await ada.page.getByRole('heading', { name: 'The cellar' }).waitFor();
  const { page } = await visit(t, 'Joseph Weizenbaum');
  await page.getByRole('link', { name: 'Who am I?' }).click();
  await page.getByRole('link', { name: 'Try the door' }).click();
  await page.getByRole('heading', { name: 'Not allowed' }).waitFor();
  await page.getByRole('button', { name: 'Sign in as someone else' }).waitFor();
  await page.getByRole('link', { name: 'Go to the start page' }).click();
  await page.getByRole('heading', { name: 'Good day, Joseph Weizenbaum.' }).waitFor();
});

test('the demo works without JavaScript', async (t) => {
  const { page } = await visit(t, 'Joseph Weizenbaum', { javaScriptEnabled: false });
  t.match(await pinUp(page, 'How does that make you feel?'), 'Joseph Weizenbaum');
  await page.getByRole('link', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Who would you like to be?' }).waitFor();
});

test('the clock of the demo ticks by server-sent events, through the gateway', async (t) => {
  const { page, complaints } = await visit(t, 'Grace Hopper');
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByText('ticking for Grace Hopper').waitFor();
  const clock = page.locator('#time');
  const first = (await clock.textContent()) ?? '';
  t.match(first, /^\d\d:\d\d:\d\d UTC$/);
  await clock.filter({ hasNotText: first }).waitFor();
  t.match(await clock.textContent(), /^\d\d:\d\d:\d\d UTC$/);
  t.same(complaints, []);
});

test('the headers page shows what the gateway added, and nothing that a browser forged', async (t) => {
  const { context, page } = await visit(t, 'Zoë Müller');
  await page.setExtraHTTPHeaders({
    'X-Forwarded-User': 'mallory',
    X_Forwarded_Groups: 'mallory',
    'X-Request-Id': 'mallory',
    Authorization: 'Bearer mallory',
    'X-Own': 'kept',
  });
  await page.goto(`${demo.url}/headers`);
  const row = async (name: string) => page.getByRole('row', { name }).textContent();
  t.match(await row('Authorization'), /^AuthorizationBearer eyJ/);
  t.match(await row('X-Forwarded-User'), /^X-Forwarded-Userzoe/);
  t.match(await row('X-Forwarded-Name'), /^X-Forwarded-NameZo%C3%AB M%C3%BCller/);
  t.match(await row('X-Forwarded-Groups'), /^X-Forwarded-Groupslibrary,support/);
  t.match(await row('X-Own'), /^X-Ownkept/i, 'what is not the gateway’s goes through');
  t.match(JSON.parse((await page.getByLabel('The payload of the token').textContent()) ?? ''), {
    sub: 'zoe',
    iss: demo.issuer,
  });
  const text = (await page.locator('main').textContent()) ?? '';
  t.notMatch(text, 'mallory');
  const session = (await context.cookies(demo.url)).find(({ name }) => name === 'sallyport');
  t.ok(session?.httpOnly);
  t.notMatch(text, session?.value.slice(0, 20) ?? '', 'the session stays with the gateway');
});

test('signing out of the demo leaves the application and the provider, and the name and password work too', async (t) => {
  const { context, page } = await visit(t, 'Ada Lovelace');
  await page.getByRole('link', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Who would you like to be?' }).waitFor();
  t.notOk((await context.cookies(demo.url)).some(({ name }) => name === 'sallyport'));

  await page.getByLabel('Name').fill('grace');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').waitFor();
  t.equal(await page.getByLabel('Name').inputValue(), 'grace', 'the name need not be typed again');
  await page.getByLabel('Password').fill('demo');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Good day, Grace Hopper.' }).waitFor();
});

test('every page of the demo fits a small telephone', async (t) => {
  const width = 320;
  const { page } = await visit(t, 'Zoë Müller', { viewport: { width, height: 640 } });
  const fits = async (name: string) =>
    t.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= width, name);
  for (const path of ['/', '/notes', '/people', '/headers', '/nothing-here']) {
    await page.goto(demo.url + path);
    await fits(path);
  }
  await page.getByRole('link', { name: 'Sign out' }).click();
  await fits('sign out');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Who would you like to be?' }).waitFor();
  await fits('sign in');
});
