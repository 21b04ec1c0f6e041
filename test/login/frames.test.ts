import { createServer } from 'node:http';
import type { Page } from 'playwright-core';
import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { launchProfile } from '../support/browser.ts';
import { makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';

/**
 * An application behind a gateway at https://localhost, and a portal at http://127.0.0.1, another site, which shows
 * it in a frame. The provider is of the portal's site: what it keeps in the browser is not what is tried here.
 */
async function arrange(t: Test, cookie: Record<string, unknown>, otherSites: 'take' | 'block') {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, ({ url }, response) => {
    response.setHeader('content-type', 'text/html').end(`<h1>${url}</h1>`);
  });
  const { certFile: cert, keyFile: key } = await makeCertificate();
  const port = await freePort();
  const origin = `https://localhost:${port}`;
  const gateway = await startTestGateway({
    provider,
    upstream,
    awaitProvider: false,
    config: {
      publicUrl: origin,
      listen: { address: `127.0.0.1:${port}`, tls: { cert, key } },
      session: { cookie },
    },
  });
  t.teardown(() => gateway.close());
  const portal = await listenOnLoopback(
    createServer(({ url }, response) => {
      response.setHeader('content-type', 'text/html').end(`<iframe src="${origin}${url}"></iframe>`);
    }),
  );
  t.teardown(() => portal.close());
  const context = await launchProfile(t.testdir(), otherSites);
  t.teardown(() => context.close());
  const page = await context.newPage();
  await until('the provider', async () => (await page.goto(`${origin}/`))?.ok(), 15_000);
  await context.clearCookies();
  return { gateway, provider, portal, origin, context, page };
}

/** The frame of the portal's page. */
const framed = (page: Page) => page.frameLocator('iframe');

async function signInFramed(page: Page): Promise<void> {
  await framed(page).locator('input[name=login]').fill('ada');
  await framed(page).locator('button.sign-in').click();
}

for (const [name, cookie, otherSites] of [
  ['with sameSite: none', { sameSite: 'none' }, 'take'],
  ['with partitioned cookies, where others are blocked', { sameSite: 'none', partitioned: true }, 'block'],
] as const) {
  test(`a person signs in inside a frame of another site ${name}`, async (t) => {
    const { page, portal, context, origin, provider } = await arrange(t, cookie, otherSites);
    await page.goto(`${portal.url}/x?a=1`);
    await signInFramed(page);
    t.equal(await framed(page).getByRole('heading').textContent(), '/x?a=1', 'at its address');
    await page.goto(`${portal.url}/y`);
    t.equal(await framed(page).getByRole('heading').textContent(), '/y', 'and the session stays');
    const cookies = (await context.cookies()).filter((each) => each.name.startsWith('__Host-sallyport'));
    t.ok(cookies.some((each) => each.name === '__Host-sallyport'));
    t.same([...new Set(cookies.map(({ sameSite, secure }) => `${sameSite} ${secure}`))], ['None true']);
    const isPartitioned = 'partitioned' in cookie;
    for (const each of cookies) t.equal(each.partitionKey !== undefined, isPartitioned, each.name);

    // What is partitioned belongs to the portal; the application by itself knows nobody then.
    const logins = () => provider.hits.get('/auth') ?? 0;
    const before = logins();
    await page.goto(`${origin}/z`);
    t.equal(await page.getByRole('heading').textContent(), '/z');
    t.equal(logins() > before, isPartitioned);
  });
}

test('where cookies of other sites are blocked, a login in a frame ends after a few rounds', async (t) => {
  const { page, portal, gateway, provider } = await arrange(t, { sameSite: 'none' }, 'block');
  const before = provider.hits.get('/auth') ?? 0;
  await page.goto(`${portal.url}/x`);
  await signInFramed(page);
  await gateway.log.line(({ code }) => code === 'login_cookie_missing');
  t.equal((provider.hits.get('/auth') ?? 0) - before, 3);
});
