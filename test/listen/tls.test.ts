import { copyFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { launchBrowser } from '../support/browser.ts';
import { makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';

test('on https a browser takes the __Host- cookie, and a login works', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
  });
  const { certFile: cert, keyFile: key } = await makeCertificate();
  const port = await freePort();
  const gateway = await startTestGateway({
    provider,
    upstream,
    awaitProvider: false,
    config: {
      publicUrl: `https://localhost:${port}`,
      listen: { address: `127.0.0.1:${port}`, tls: { cert, key } },
    },
  });
  t.teardown(() => gateway.close());
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await until(
    'the provider',
    async () => (await page.goto(`https://localhost:${port}/deep?x=1`))?.ok(),
    15_000,
  );
  await page.fill('input[name=login]', 'ada');
  await page.click('button.sign-in');
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  t.equal(page.url(), `https://localhost:${port}/deep?x=1`);
  const cookies = await context.cookies(`https://localhost:${port}`);
  const session = cookies.find(({ name }) => name === '__Host-sallyport');
  t.match(session, { secure: true, httpOnly: true, sameSite: 'Lax', path: '/' });
});

test('a renewed certificate is taken without a restart, a broken one is not', async (t) => {
  const [first, second] = await Promise.all([makeCertificate(), makeCertificate()]);
  const port = await freePort();
  const gateway = await startTestGateway({
    upstream: 'http://127.0.0.1:9',
    config: {
      publicUrl: `https://localhost:${port}`,
      listen: { address: `127.0.0.1:${port}`, tls: { cert: first.certFile, key: first.keyFile } },
    },
  });
  t.teardown(() => gateway.close());
  const before = await fingerprint(port);
  await copyFile(second.keyFile, first.keyFile);
  await gateway.log.line(({ msg }) => msg === 'the new certificate cannot be used').catch(() => undefined);
  t.equal(await fingerprint(port), before, 'a key that does not fit is not used');
  await copyFile(second.certFile, first.certFile);
  const after = await until(
    'the new certificate',
    async () => {
      const now = await fingerprint(port);
      return now !== before && now;
    },
    15_000,
  );
  t.not(after, before);
});

function fingerprint(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
