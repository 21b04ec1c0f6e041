import { createServer } from 'node:http';
import { test } from 'tap';
import { launchBrowser } from '../support/browser.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { arrangeAdmin, token } from './scene.ts';

/** What a page may try, each by a way that browsers have for it. */
const tries = async ({ url, token }: { url: string; token: string }): Promise<Record<string, string>> => {
  const ask = async (path: string, options: RequestInit = {}) => {
    try {
      const answer = await fetch(url + path, options);
      return `${answer.status} ${(await answer.text()).length > 0 ? 'read' : 'unread'}`;
    } catch {
      return 'failed';
    }
  };
  const headers = { authorization: `Bearer ${token}` };
  const found = {
    read: await ask('/config'),
    readWithToken: await ask('/config', { headers }),
    blind: await ask('/reload', { method: 'POST', mode: 'no-cors', body: 'x' }),
    change: await ask('/reload', { method: 'POST', headers }),
    end: await ask('/sessions?user=ada', { method: 'DELETE', headers }),
    health: await ask('/readyz'),
  };
  return found;
};

/** A form that a page sends without a word of its person; resolves with the answer in a frame. */
const postForm = (action: string) => `new Promise((resolve) => {
  document.body.innerHTML = '<iframe name="frame"></iframe><form method="post" enctype="text/plain" target="frame">';
  const form = document.querySelector('form');
  form.action = ${JSON.stringify(action)};
  document.querySelector('iframe').addEventListener('load', resolve, { once: true });
  form.submit();
})`;

test('a page of another site reads nothing and changes nothing in a real browser', async (t) => {
  const { admin, done, events } = await arrangeAdmin(t);
  const site = await listenOnLoopback(
    createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>Another site</title><body></body>');
    }),
  );
  t.teardown(() => site.close());
  const { port } = new URL(admin.url);
  // The name of another site that is led to this machine.
  const browser = await launchBrowser([
    '--host-resolver-rules=MAP evil.example 127.0.0.1',
    // Newer browsers keep such pages from this machine by themselves; not all of them are new.
    '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
  ]);
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${site.url}/`);
  const cross = await page.evaluate(tries, { url: `http://127.0.0.1:${port}`, token });
  const failed = {
    read: 'failed',
    readWithToken: 'failed',
    change: 'failed',
    end: 'failed',
    health: 'failed',
  };
  t.match(cross, failed);
  await page.evaluate(postForm(`http://127.0.0.1:${port}/drain`));

  // The page and the listener are one origin to the browser then, so that nothing but Host tells.
  const address = `http://evil.example:${port}/`;
  await page.route(address, (route) =>
    route.fulfill({ contentType: 'text/html', body: 'It was here before.' }),
  );
  await page.goto(address);
  const rebound = await page.evaluate(
    async ({ token }) => {
      const headers = { authorization: `Bearer ${token}` };
      const statusOf = async (path: string, method: string) =>
        (await fetch(path, { method, headers })).status;
      return [
        await statusOf('/config', 'GET'),
        await statusOf('/sessions?user=ada', 'GET'),
        await statusOf('/reload', 'POST'),
        await statusOf('/sessions?user=ada', 'DELETE'),
        await statusOf('/metrics', 'GET'),
        await statusOf('/readyz', 'GET'),
        (await fetch('/metrics', { headers: { 'accept-language': '', 'user-agent': 'Prometheus/3' } }))
          .status,
      ];
    },
    { token },
  );
  t.same(rebound, [421, 421, 421, 421, 421, 421, 421], 'metrics name routes and addresses');
  t.same(done, [], 'nothing was done');
  t.ok(events.some((event) => event.kind === 'admin-call' && event.status === 421));
});
