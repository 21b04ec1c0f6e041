import { createServer } from 'node:https';
import { type Test, test } from 'tap';
import { arrangeUpstream } from '../support/arrange.ts';
import { type Browser, launchBrowser } from '../support/browser.ts';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { startProvider } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';

/**
 * Somebody who holds a host beside the application's (evil.example.test beside app.example.test) may set cookies for
 * the whole domain, and so wants the victim to be signed in as somebody else. Names that begin with `__Host-` are
 * refused by the browser; what only some reader takes for such a name is not.
 */
const name = '__Host-sallyport';

/** Bytes before and behind the name that some function somewhere trims, splits at or unquotes. */
const around = [
  '',
  ' ',
  '\t',
  '\x0b',
  '\x0c',
  '\x1c',
  '\x85',
  '\xa0',
  '\xc2\x85',
  '\xc2\xa0',
  '\xe2\x80\x8b',
].concat([
  '\xe2\x80\xa8',
  '\xe3\x80\x80',
  '\xef\xbb\xbf',
  '"',
  "'",
  ',',
  '$',
  '%20',
  '\\',
  '+',
  '\x01',
  '\x7f',
]);

/** Set-Cookie values, byte for byte, that try to pass for a session of this value; each list is one visit. */
function plants(value: string): string[][] {
  const pair = `${name}=${value}`;
  return [
    ...around.map((bytes, at) => [
      `${bytes}${pair}`,
      `${name}${bytes}=${value}`,
      `=${bytes}${pair}`,
      `a${at}=1${bytes}${pair}`,
      `b${at}=1;${bytes}${pair}`,
      `c${bytes}${pair}`,
    ]),
    ['__host-sallyport', '__HOST-SALLYPORT', '__Host-Sallyport'].map((other) => `${other}=${value}`),
    [`x="1; ${pair}"`, `y=1, ${pair}`, `${name}="${value}"`],
  ];
}

async function arrange(t: Test) {
  const certificate = await makeCertificate();
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const port = await freePort();
  const origin = `https://app.example.test:${port}`;
  const gateway = await startTestGateway({
    provider,
    awaitProvider: false,
    config: {
      publicUrl: origin,
      listen: {
        address: `127.0.0.1:${port}`,
        tls: { cert: certificate.certFile, key: certificate.keyFile },
      },
      routes: [
        { path: '/', upstream: upstream.url },
        { path: '/open', upstream: upstream.url, allow: 'public' },
      ],
    },
  });
  t.teardown(() => gateway.close());
  const browser = await launchBrowser(['--host-resolver-rules=MAP *.example.test 127.0.0.1']);
  t.teardown(() => browser.close());
  return { browser, origin, certificate };
}

/** The session cookie of somebody who signs in honestly. */
async function sessionOfAttacker(browser: Browser, origin: string): Promise<string> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await until('the provider', async () => (await page.goto(`${origin}/`))?.status() !== 503);
  await page.fill('input[name=login]', 'grace');
  await page.click('button.sign-in');
  await page.waitForURL(`${origin}/`);
  const cookie = (await context.cookies(origin)).find((each) => each.name === name);
  if (!cookie) throw new Error('there is no session cookie');
  // Asked for twice, it is one that the gateway remembers.
  await page.goto(`${origin}/oauth2/userinfo`);
  await context.close();
  return cookie.value;
}

/** A page of the sibling host that sets cookies with the bytes that it is told, and a plain one. */
async function startSibling(t: Test, { cert, key }: Certificate) {
  let lines: readonly string[] = [];
  const server = createServer({ cert, key }, (_request, response) => {
    const planted = [...lines, 'marker=1'].map(
      (line) => `Set-Cookie: ${line}; Domain=example.test; Path=/; Secure\r\n`,
    );
    // By hand, since Node would refuse such values.
    response.socket?.end(
      Buffer.from(
        `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n${planted.join('')}\r\n<p>evil`,
        'latin1',
      ),
    );
  });
  const { port, close } = await listenOnLoopback(server);
  t.teardown(close);
  return {
    url: `https://evil.example.test:${port}/`,
    plant: (wanted: readonly string[]) => {
      lines = wanted;
    },
  };
}

test('no cookie that a sibling host plants signs anybody in', async (t) => {
  const { browser, origin, certificate } = await arrange(t);
  const value = await sessionOfAttacker(browser, origin);
  const sibling = await startSibling(t, certificate);
  const visits = plants(value);
  const signedIn: string[] = [];
  let arrived = 0;
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  for (const planted of visits) {
    await context.clearCookies();
    sibling.plant(planted);
    await page.goto(sibling.url);
    // The same in the words of a script, where the browser takes text in place of bytes.
    const texts = planted.map((line) => Buffer.from(line, 'latin1').toString('utf8'));
    await page.evaluate(
      `for (const text of ${JSON.stringify(texts)}) document.cookie = text + '; domain=example.test; path=/; secure'`,
    );
    const { rawHeaders } = JSON.parse((await (await page.goto(`${origin}/open`))?.text()) ?? '{}') as Echo;
    // Of a public page, too, the application is told who is signed in.
    if (valuesOf(rawHeaders, 'x-forwarded-user').length > 0) {
      signedIn.push(planted.map((line) => JSON.stringify(line.slice(0, 30))).join(' '));
    }
    if (valuesOf(rawHeaders, 'cookie').join('; ').includes('marker=1')) arrived++;
  }
  t.same(signedIn, [], `0 of ${visits.flat().length} planted cookies sign in`);
  t.equal(arrived, visits.length, 'and the plain cookie of the sibling arrived each time');
});
