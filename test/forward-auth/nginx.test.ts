import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { startOnFreePort } from '../support/applications/application.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { launchBrowser } from '../support/browser.ts';
import { startChild } from '../support/child.ts';
import { createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startProvider } from '../support/provider.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

const configFile = new URL('../../../config/forward-auth/nginx.conf', import.meta.url);

/** The documented configuration, with the addresses of this test in it. */
async function nginxConfig(
  port: number,
  folder: string,
  gateway: string,
  application: string,
): Promise<string> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const server = (await readFile(configFile, 'utf8'))
    .replaceAll('127.0.0.1:4180', new URL(gateway).host)
    .replaceAll('127.0.0.1:8081', new URL(application).host)
    .replace('listen 8080', `listen 127.0.0.1:${port}`)
    .replace('app.example.com', '127.0.0.1');
  return `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr warn;
events { worker_connections 256; }
http { ${temporary.join(' ')} access_log off;
${server}
}
`;
}

test('nginx asks the gateway: a browser logs in through it, and the rules hold', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const application = await arrangeUpstream(t);
  const nginx = await startOnFreePort(async (port, folder) => {
    const publicUrl = `http://127.0.0.1:${port}`;
    const routes = [
      { path: '/', upstream: application.url },
      { path: '/open', upstream: application.url, allow: 'public' },
      { path: '/admins', upstream: application.url, allow: [{ groups: ['admins'] }] },
    ];
    const gateway = await startTestGateway({
      provider,
      config: { publicUrl, trustedProxies: ['127.0.0.1'], routes },
      awaitProvider: false,
    });
    t.teardown(() => gateway.close());
    const file = join(folder, 'nginx.conf');
    await writeFile(file, await nginxConfig(port, folder, gateway.url, application.url));
    return startChild('nginx', ['-c', file, '-p', folder, '-e', 'stderr'], {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      ready: port,
      install: 'apt-get install nginx-light',
    });
  });
  t.teardown(() => nginx.stop());
  const publicUrl = nginx.url;

  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${publicUrl}/report?x=1&y=%20z`);
  await page.fill('input[name=login]', 'grace');
  await page.click('button.sign-in');
  await page.waitForURL(`${publicUrl}/report?x=1&y=%20z`);
  const echo = JSON.parse((await page.textContent('body')) ?? '{}') as Echo;
  t.strictSame(valuesOf(echo.rawHeaders, 'x-forwarded-user'), ['grace']);
  t.strictSame(valuesOf(echo.rawHeaders, 'x-forwarded-groups'), ['staff']);
  t.match(valuesOf(echo.rawHeaders, 'authorization')[0], /^Bearer \S+$/);

  t.equal((await page.goto(`${publicUrl}/admins`))?.status(), 403);
  const client = createClient();
  t.teardown(() => client.close());
  const open = await client.get(`${publicUrl}/open`, {
    'x-forwarded-user': 'mallory',
    'x-forwarded-uri': '/open',
  });
  t.equal(open.status, 200);
  t.strictSame(
    valuesOf((open.json() as Echo).rawHeaders, 'x-forwarded-user'),
    [],
    'nobody brings a name along',
  );
  const forged = await client.get(`${publicUrl}/report`, {
    'x-forwarded-uri': '/open',
    'x-original-url': '/open',
  });
  t.equal(forged.status, 302, 'nor the address that is decided on');
  t.match(forged.headers.location, new RegExp(`^${provider.issuer}/auth\\?`));
});
