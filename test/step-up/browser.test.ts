import { test } from 'tap';
import { launchBrowser } from '../support/browser.ts';
import { arrangeStepUp, gold } from './scene.ts';

test('a person in a browser signs in, is asked again where more is needed, and lands on the page', async (t) => {
  const { gateway } = await arrangeStepUp(
    t,
    { '/vault': { stepUp: { acr: gold } } },
    {
      handler: (request, response) =>
        response.setHeader('content-type', 'text/html').end(`<h1>${request.url}</h1>`),
    },
  );
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  const heading = () => page.getByRole('heading').textContent();

  await page.goto(`${gateway.url}/notes`);
  await page.getByLabel('Name').fill('ada');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${gateway.url}/notes`);
  t.equal(await heading(), '/notes');

  const answer = await page.evaluate(async () => {
    const { status, headers } = await fetch('/vault/data');
    return { status, challenge: headers.get('www-authenticate') };
  });
  t.equal(answer.status, 401, 'a script of the page is told');
  t.match(answer.challenge, /insufficient_user_authentication/);

  await page.goto(`${gateway.url}/vault/door?n=7`);
  await page.getByLabel('Name').fill('ada');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${gateway.url}/vault/door?n=7`);
  t.equal(await heading(), '/vault/door?n=7');
  t.equal(await page.evaluate(async () => (await fetch('/vault/data')).status), 200);
  await page.goto(`${gateway.url}/notes`);
  t.equal(await heading(), '/notes', 'and everything else goes on');
});
