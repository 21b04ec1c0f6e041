import type { Page } from 'playwright-core';
import type { Test } from 'tap';
import { type Browser, launchBrowser } from '../support/browser.ts';
import { arrangeLogin, type LoginScene } from './steps.ts';

const frames = 12;
/** The frames of the page `/frames`. */
export const framePaths = Array.from({ length: frames }, (_, at) => `/frame/${at}?n=${at}`);

export interface BrowserScene extends LoginScene {
  browser: Browser;
}

/** An application whose pages say their address, and one public page of frames. */
export async function arrangeBrowser(t: Test, config: Record<string, unknown> = {}): Promise<BrowserScene> {
  const scene = await arrangeLogin(t, {
    config,
    routes: (upstream) => [{ path: '/frames', upstream, allow: 'public' }],
  });
  scene.upstream.server.removeAllListeners('request');
  scene.upstream.server.on('request', (request, response) => {
    const isFrames = request.url === '/frames';
    const body = isFrames
      ? framePaths.map((path) => `<iframe src="${path}"></iframe>`).join('')
      : request.url;
    response.setHeader('content-type', 'text/html').end(`<h1>${body?.replaceAll('&', '&amp;')}</h1>`);
  });
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  return { ...scene, browser };
}

/** Signs in on the provider's page that a tab shows. */
export async function signIn(page: Page): Promise<void> {
  await page.fill('input[name=login]', 'ada');
  await page.click('button.sign-in');
}

/** The tab shows the page of this path, after a while. */
export async function assertEndsAt(t: Test, page: Page, url: string, what: string): Promise<void> {
  await page.waitForURL(url);
  t.equal(await page.getByRole('heading').textContent(), new URL(url).pathname + new URL(url).search, what);
}
