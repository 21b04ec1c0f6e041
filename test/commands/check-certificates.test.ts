import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { check } from '../../src/commands/check.ts';
import { checkCertificates } from '../../src/commands/check-certificates.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

const dayMs = 24 * 60 * 60 * 1000;
const read = (file: string) => readFileSync(file, 'utf8');

/** The lines about the certificates of a configuration, some days from now. */
function linesOf(config: Record<string, unknown>, { inDays = 0 } = {}): string[] {
  const yaml = gatewayYaml({ upstream: 'http://127.0.0.1:9', config }, 4180);
  const parsed = parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config;
  const found = checkCertificates(parsed, read, Date.now() + inDays * dayMs);
  return found.map(({ level, subject, reason }) => `${level} ${subject}${reason ? `: ${reason}` : ''}`);
}

const serves = ({ certFile: cert, keyFile: key }: Pick<Certificate, 'certFile' | 'keyFile'>) => ({
  publicUrl: 'https://localhost:4180',
  listen: { address: '127.0.0.1:4180', tls: { cert, key } },
});

/** A file with several texts behind each other. */
function joined(t: Test, ...texts: string[]): string {
  const file = join(t.testdir(), `${texts.length}.pem`);
  writeFileSync(file, texts.join(''));
  return file;
}

test('a certificate is good, ends soon, or has ended', async (t) => {
  const made = await makeCertificate('localhost', { days: 30 });
  const config = serves(made);
  const [good, ...more] = linesOf(config);
  t.match(good, /^ok certificate listen\.tls\.cert \(.*\): CN=localhost, good until 20..-..-.. \(29 days\)/);
  t.strictSame(more, []);
  t.match(linesOf(config, { inDays: 16 }), [/^note .*CN=localhost: it ends on .* \(13 days\): renew it/]);
  t.match(linesOf(config, { inDays: 31 }), [/^fail .*: it ended on .*: renew it/]);
  t.match(linesOf(config, { inDays: -1 }), [/^fail .*: it is not valid before .*: is the clock right\?/]);
});

test('every place of the configuration that names certificates is looked at', async (t) => {
  const made = await makeCertificate('localhost', { days: 30 });
  const { certFile: cert, keyFile: key } = made;
  const combined = joined(t, made.key, made.cert);
  const lines = linesOf(
    {
      ...serves(made),
      upstream: undefined,
      provider: { ca: cert, tls: { cert, key }, clientSecret: undefined, privateKey: combined },
      bearer: [{ issuer: 'https://a.example', audience: 'a', ca: cert }],
      session: { redis: { url: 'rediss://127.0.0.1:9', ca: cert } },
      routes: [{ path: '/', upstream: 'https://127.0.0.1:9', tls: { ca: cert, cert, key } }],
    },
    { inDays: 31 },
  );
  const failed = lines.filter((line) => line.startsWith('fail')).map((line) => line.split(' ')[2]);
  t.strictSame(failed.sort(), [
    'listen.tls.cert',
    // Those of bearer, Redis and the route are the same file.
    'provider.ca',
    'provider.privateKey',
    'provider.tls.cert',
  ]);
  t.match(
    lines.find((line) => line.includes('provider.ca')),
    / provider\.ca and 3 more \(/,
  );
  t.match(
    lines.find((line) => line.includes('provider.tls.cert')),
    / provider\.tls\.cert and 1 more \(/,
  );
});

test('certificates of a JWK are looked at, and its key is not shown', async (t) => {
  const made = await makeCertificate('localhost', { days: 5 });
  const jwk = createPrivateKey(made.key).export({ format: 'jwk' });
  const x5c = [new X509Certificate(made.cert).raw.toString('base64')];
  const privateKey = JSON.stringify({ ...jwk, x5c });
  const lines = linesOf({ provider: { clientSecret: undefined, privateKey } });
  t.match(lines, [/^note certificate provider\.privateKey: CN=localhost: it ends on/]);
  t.notMatch(lines.join(''), String(jwk.d));
});

test('each certificate of a chain counts', async (t) => {
  const issuer = await makeCertificate('Issuer', { days: 10 });
  const leaf = await makeCertificate('localhost', { days: 30, issuer });
  const chain = { certFile: joined(t, leaf.cert, issuer.cert), keyFile: leaf.keyFile };
  t.match(linesOf(serves(chain)), [/^ok .*CN=localhost/, /^note .*CN=Issuer: it ends on .* \(9 days\)/]);
  t.match(linesOf(serves(chain), { inDays: 11 }), [/^ok .*CN=localhost/, /^fail .*CN=Issuer: it ended/]);
});

test('a chain without its issuer, or with a stranger, is noted', async (t) => {
  const issuer = await makeCertificate('Issuer', { days: 30 });
  const stranger = await makeCertificate('Issuer', { days: 30 });
  const leaf = await makeCertificate('localhost', { days: 30, issuer });
  t.match(linesOf(serves(leaf)).at(-1), /^note .*: its issuer does not come along: append/);
  const wrong = { certFile: joined(t, leaf.cert, stranger.cert), keyFile: leaf.keyFile };
  t.match(linesOf(serves(wrong)).at(-1), /^note .*: certificate 2 in it did not issue the one before it/);
});

test('a key that does not fit, or that cannot be read, fails', async (t) => {
  const [one, other] = await Promise.all([makeCertificate('localhost', { days: 30 }), makeCertificate()]);
  const misfit = linesOf(serves({ certFile: one.certFile, keyFile: other.keyFile })).at(-1);
  t.match(misfit, new RegExp(`^fail .*: the key ${other.keyFile} does not fit it`));
  t.match(linesOf(serves({ certFile: one.certFile, keyFile: '/no/such.key' })).at(-1), /^fail .*ENOENT/);
  t.match(
    linesOf(serves({ certFile: one.certFile, keyFile: one.certFile })).at(-1),
    /^fail .*cannot be read/,
  );
  // The key of the wrong order: the issuer stands first.
  const leaf = await makeCertificate('localhost', { days: 30, issuer: one });
  const swapped = { certFile: joined(t, one.cert, leaf.cert), keyFile: leaf.keyFile };
  t.match(linesOf(serves(swapped)), [/^ok/, /^ok/, /^fail .*has to come first/]);
});

test('hosts of publicUrl that a certificate is not for are noted', async (t) => {
  const names = 'DNS:*.example.com,IP:127.0.0.1';
  const made = await makeCertificate('app.other.com', { days: 30, names });
  const noted = (publicUrl: string[]) =>
    linesOf({ ...serves(made), publicUrl })
      .filter((line) => line.includes('it is not for'))
      .map((line) => /not for (\S+)/.exec(line)?.[1]);
  t.strictSame(noted(['https://app.example.com', 'https://127.0.0.1']), []);
  t.strictSame(
    noted(['https://app.other.com', 'https://example.com', 'https://a.b.example.com', 'https://[::1]']),
    ['app.other.com', 'example.com', 'a.b.example.com', '::1'],
    'the common name counts for nobody, and a wildcard for one label',
  );
});

test('an authority that was replaced, or has ended beside good ones, fails nothing', async (t) => {
  const [old, next, other] = await Promise.all([
    makeCertificate('Root', { days: 5 }),
    makeCertificate('Root', { days: 90 }),
    makeCertificate('Other', { days: 2 }),
  ]);
  const both = { provider: { ca: joined(t, old.cert, next.cert) } };
  t.match(linesOf(both), [/^ok .*CN=Root/]);
  t.match(linesOf(both, { inDays: 6 }), [/^ok .*CN=Root/]);
  const three = { provider: { ca: joined(t, old.cert, next.cert, other.cert) } };
  t.match(linesOf(three, { inDays: 6 }), [/^ok .*CN=Root/, /^note .*CN=Other: it ended on .*: take it out/]);
  t.match(linesOf({ provider: { ca: old.certFile } }, { inDays: 6 }), [/^fail .*CN=Root: it ended/]);
});

test('a file of many authorities gets one line, and one for each that ends', async (t) => {
  const many = await Promise.all(
    [90, 90, 90, 3].map((days, index) => makeCertificate(`Root${index}`, { days })),
  );
  const lines = linesOf({ provider: { ca: joined(t, ...many.map(({ cert }) => cert)) } });
  t.match(lines, [/^ok .*: 3 certificates are good$/, /^note .*CN=Root3: it ends/]);
});

test('a file without a certificate, and one with a broken one, fail', async (t) => {
  const made = await makeCertificate();
  const broken = `${made.cert}\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`;
  t.match(linesOf({ provider: { ca: joined(t, made.key) } }), [/^fail .*: there is no certificate in it/]);
  t.match(linesOf({ provider: { ca: joined(t, broken) } }), [/^fail .*: certificate 2 in it cannot be read/]);
  t.match(linesOf({ provider: { ca: joined(t, made.cert.slice(0, 200)) } }), [
    /^fail .*: certificate 1 in it/,
  ]);
});

test('sallyport check prints them, and fails by them', async (t) => {
  const made = await makeCertificate();
  const other = await makeCertificate();
  const file = join(t.testdir(), 'sallyport.yaml');
  const run = async (config: Record<string, unknown>) => {
    writeFileSync(file, gatewayYaml({ upstream: 'http://127.0.0.1:9', config }, 4180));
    const printed: string[] = [];
    const print = console.log;
    console.log = (line: string) => void printed.push(line);
    try {
      return { code: await check({ config: file, offline: true }), text: printed.join('\n') };
    } finally {
      console.log = print;
    }
  };
  const noted = await run(serves(made));
  t.equal(noted.code, 0);
  t.match(noted.text, /^ {2}note {3}certificate listen\.tls\.cert \(.*\): CN=localhost: it ends on/m);
  const failed = await run(serves({ certFile: made.certFile, keyFile: other.keyFile }));
  t.equal(failed.code, 1);
  t.match(failed.text, /^ {2}FAIL {3}certificate listen\.tls\.cert .*does not fit/m);
});
