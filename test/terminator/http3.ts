import { createHash, X509Certificate } from 'node:crypto';
import type { Test } from 'tap';
import { launchBrowser } from '../support/browser.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import type { TerminatorScene } from './scene.ts';

/** A browser comes by HTTP/3 through a front that has it. */
export function checkHttp3(t: Test, scene: TerminatorScene): Promise<unknown> {
  return t.test('a browser comes by HTTP/3', async (t) => {
    const { publicKey } = new X509Certificate(scene.ca);
    const key = publicKey.export({ type: 'spki', format: 'der' });
    const keyDigest = createHash('sha256').update(key).digest('base64');
    const browser = await launchBrowser([
      `--origin-to-force-quic-on=${scene.host}`,
      `--ignore-certificate-errors-spki-list=${keyDigest}`,
    ]);
    t.teardown(() => browser.close());
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${scene.url}/report?x=1`);
    await page.fill('input[name=login]', 'ada');
    await page.click('button.sign-in');
    await page.waitForURL(`${scene.url}/report?x=1`);
    const echo = JSON.parse((await page.textContent('body')) ?? '{}') as Echo;
    t.strictSame(valuesOf(echo.rawHeaders, 'x-forwarded-user'), ['ada']);
    t.strictSame(valuesOf(echo.rawHeaders, 'x-forwarded-proto'), ['https']);
    const protocol = 'performance.getEntriesByType("navigation")[0].nextHopProtocol';
    t.equal(await page.evaluate(protocol), 'h3');
  });
}
