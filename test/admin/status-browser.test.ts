import axe from 'axe-core';
import { type Test, test } from 'tap';
import type { Status } from '../../src/admin/status/facts.ts';
import { type Browser, launchBrowser } from '../support/browser.ts';
import { arrangeAdmin, quietStatus, token } from './scene.ts';
import { busyStatus } from './status-example.ts';

interface Found {
  passes: unknown[];
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
}

const asOperator = { httpCredentials: { username: 'operator', password: token } };

/** One listener whose status can be changed, and one browser for all of it. */
async function arrange(t: Test, parts: Parameters<typeof arrangeAdmin>[1] = {}) {
  let shown: Status = busyStatus;
  const scene = await arrangeAdmin(t, { controls: { status: async () => shown }, ...parts });
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const show = (status: Status) => {
    shown = status;
  };
  return { ...scene, browser, show };
}

/** Opens the page in a window of its own, in which nothing may be complained of. */
async function open(
  t: Test,
  browser: Browser,
  url: string,
  options: Parameters<Browser['newContext']>[0] = {},
) {
  const context = await browser.newContext(options);
  t.teardown(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

test('nothing about it keeps people from reading it, in both colour schemes and on narrow screens', async (t) => {
  const { admin, browser, show } = await arrange(t);
  const { admin: tokenless } = await arrangeAdmin(t, { token: undefined });
  const views = [
    { name: 'all', url: `${admin.url}/?all`, status: busyStatus, options: asOperator },
    { name: 'a part', url: `${admin.url}/`, status: busyStatus, options: {} },
    { name: 'a quiet one', url: `${admin.url}/?all`, status: quietStatus, options: asOperator },
    { name: 'a problem', url: `${tokenless.url}/?all`, status: quietStatus, options: {} },
  ];
  for (const { name, url, status, options } of views)
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 360],
    ] as const) {
      show(status);
      const view = { ...options, colorScheme, viewport: { width, height: 800 }, bypassCSP: true };
      const { page } = await open(t, browser, url, view);
      await page.evaluate(axe.source);
      const found = (await page.evaluate('axe.run()')) as Found;
      const told = found.violations.map(({ id, nodes }) => ({ id, nodes: nodes.slice(0, 3) }));
      t.same(told, [], `${name}, ${colorScheme}, ${width}`);
      t.ok(found.passes.length > 10, 'it has looked');
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      t.ok(Number(overflow) <= 0, `${name}, ${width}: nothing stands beside the screen`);
      await page.context().close();
    }
});

test('a person gets from a part to all of it by a link and the token', async (t) => {
  const { admin, browser } = await arrange(t);
  const { page, complaints } = await open(t, browser, `${admin.url}/`, asOperator);
  t.notMatch(await page.content(), 'none holds');
  await page.getByRole('link', { name: 'Show all' }).click();
  await page.getByText('none holds: allow[0].groups').waitFor();
  await page.goto(`${admin.url}/`);
  await page.getByText('none holds: allow[0].groups').waitFor();
  t.same(complaints, [], 'its own policy forbids nothing of its own');
});

test('without JavaScript it is all there, and says that it stands still', async (t) => {
  const { admin, browser } = await arrange(t);
  const { page, complaints } = await open(t, browser, `${admin.url}/?all`, {
    ...asOperator,
    javaScriptEnabled: false,
  });
  for (const words of ['none holds: allow[0].groups', 'http://10.1.4.22:8080', 'ends soon'])
    t.ok(await page.getByText(words).first().isVisible(), words);
  t.equal(await page.locator('.plot svg').count(), 3);
  t.ok(await page.getByText('Without scripts this page stands still').isVisible());
  t.notOk(await page.getByRole('button', { name: 'Pause' }).isVisible());
  t.same(complaints, []);
});

test('with it, it refreshes itself: what has changed is put in place, and nothing else moves', async (t) => {
  const { admin, browser, show } = await arrange(t);
  const context = await browser.newContext({ ...asOperator, viewport: { width: 800, height: 500 } });
  t.teardown(() => context.close());
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(`${admin.url}/?all`);
  t.notOk(await page.getByText('Without scripts this page stands still').isVisible());
  await page.evaluate('scrollTo(0, 600); window.mine = document.querySelector("#routes")');
  await page.getByRole('button', { name: 'Pause' }).focus();
  const scrolled = await page.evaluate('scrollY');
  const [refusal] = busyStatus.figures.refusals;
  const refusals = [{ ...refusal, path: '/quite/new' } as never, ...busyStatus.figures.refusals];
  show({ ...busyStatus, figures: { ...busyStatus.figures, refusals } });
  await page.clock.fastForward(10_000);
  await page.getByText('/quite/new').waitFor();
  t.equal(await page.evaluate('scrollY'), scrolled);
  t.equal(await page.evaluate('document.activeElement.id'), 'pause');
  const isSame = await page.evaluate('window.mine === document.querySelector("#routes")');
  t.equal(isSame, true, 'what is the same is left alone');

  await page.getByRole('button', { name: 'Pause' }).click();
  show({ ...quietStatus, health: { ready: false, missing: ['the gateway is draining'], degraded: [] } });
  await page.clock.fastForward(60_000);
  t.ok(await page.getByText('/quite/new').isVisible(), 'who pauses it reads on');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText('the gateway is draining').waitFor();
  t.notOk(await page.getByText('/quite/new').isVisible(), 'a part more or less is shown as well');
  t.ok(await page.getByRole('button', { name: 'Pause' }).isVisible());

  admin.useToken('another-token-of-the-admin');
  await page.clock.fastForward(10_000);
  await page.getByText('This page may not be looked at any more').waitFor();
});

test('a gateway that does not answer is said to be silent, and is asked again', async (t) => {
  const { admin, browser } = await arrange(t);
  const { page } = await open(t, browser, 'about:blank');
  await page.clock.install();
  await page.goto(`${admin.url}/`);
  await page.route(`${admin.url}/`, (route) => route.abort());
  await page.clock.fastForward(10_000);
  await page.getByText('The gateway does not answer').waitFor();
  await page.unroute(`${admin.url}/`);
  await page.clock.fastForward(10_000);
  await page.getByText('The gateway does not answer').waitFor({ state: 'hidden' });
});

test('what a client has chosen runs in no browser, and another site frames nothing of it', async (t) => {
  const { admin, browser, show } = await arrange(t);
  const [refusal] = busyStatus.figures.refusals;
  const attacks = [
    '<img src=x onerror="window.hit=1">',
    '<script>window.hit=1</script>',
    '</td></table><svg onload=window.hit=1>',
    `"><a href="javascript:window.hit=1" autofocus onfocus=window.hit=1>`,
    '</main><meta http-equiv=refresh content="0;url=https://evil.example/">',
    '{{constructor.constructor("window.hit=1")()}}',
  ];
  const refusals = attacks.map(
    (attack) => ({ ...refusal, path: attack, user: attack, host: attack }) as never,
  );
  show({ ...busyStatus, figures: { ...busyStatus.figures, refusals } });
  const { page, complaints } = await open(t, browser, `${admin.url}/?all`, asOperator);
  t.equal(await page.evaluate('window.hit'), undefined);
  t.equal(await page.locator('[data-part=refusals] :is(img, script, svg, a, meta)').count(), 0);
  for (const attack of attacks) t.ok(await page.getByText(attack).first().isVisible(), attack);
  t.equal(new URL(page.url()).origin, admin.url);
  t.same(complaints, []);

  const other = await open(t, browser, 'about:blank', asOperator);
  await other.page.setContent(`<iframe src="${admin.url}/"></iframe>`);
  await other.page.waitForLoadState('networkidle');
  const frame = other.page.frames()[1];
  t.notMatch((await frame?.content().catch(() => '')) ?? '', 'Sallyport status');
});
