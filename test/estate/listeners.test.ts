import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { acceptHandshakes, handshake } from '../attack/handshake.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { startTestGateway } from '../support/gateway.ts';
import { openRaw } from '../support/raw.ts';
import { until } from '../support/until.ts';

const configOf = (yaml: string) => parseConfig(yaml, { file: 'sallyport.yaml', env: {} }).config;

test('a listener that goes away takes nobody new, and what is open goes on, also when it comes back', async (t) => {
  const upstream = await arrangeUpstream(t);
  acceptHandshakes(upstream);
  const port = await freePort();
  const config = { routes: [{ path: '/', upstream: upstream.url, allow: 'public' }] };
  const gateway = await startTestGateway({ awaitProvider: false, config });
  t.teardown(() => gateway.close());
  const own = new URL(gateway.url).host;
  const other = `127.0.0.1:${port}`;
  const listenOn = (...listen: string[]) =>
    gateway.adopt(configOf(gateway.yaml.replace(/^listen: .*$/m, `listen: ${JSON.stringify(listen)}`)));
  const isOpen = () =>
    openRaw(`http://${other}`).then(
      (raw) => raw.destroy() ?? true,
      () => false,
    );
  const openSocket = async () => {
    const raw = await openRaw(`http://${other}`);
    raw.write(handshake(own));
    await raw.until('101 Switching Protocols');
    return raw;
  };

  await listenOn(own, other);
  const first = await openSocket();
  await listenOn(own);
  await until('the address to be free', async () => !(await isOpen()));
  first.write('still here');
  await first.until('still here');

  await listenOn(own, other);
  await until('the address to be back', isOpen);
  const second = await openSocket();
  first.write('and here');
  await first.until('and here');
  second.write('anew');
  await second.until('anew');

  await t.rejects(gateway.adopt(configOf(gateway.yaml.replace(/^listen: .*$/m, 'listen: [203.0.113.1:1]'))), {
    code: 'EADDRNOTAVAIL',
  });
  await listenOn(own);
  await until('the address to be free', async () => !(await isOpen()));
  first.write('to the end');
  await first.until('to the end');
  for (const raw of [first, second]) raw.destroy();
});

test('an address begins to speak TLS, and ends to', async (t) => {
  const upstream = await arrangeUpstream(t);
  const { certFile, keyFile, cert } = await makeCertificate();
  const config = { routes: [{ path: '/', upstream: upstream.url, allow: 'public' }] };
  const gateway = await startTestGateway({ awaitProvider: false, config });
  t.teardown(() => gateway.close());
  const { host } = new URL(gateway.url);
  const answerOf = async (scheme: string) => {
    try {
      const raw = await openRaw(`${scheme}://${host}`, { ca: cert });
      raw.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      return (await raw.until('\r\n')).slice(0, 12);
    } catch {
      return undefined;
    }
  };
  const tls = { address: host, tls: { cert: certFile, key: keyFile } };
  t.equal(await answerOf('http'), 'HTTP/1.1 200');
  await gateway.adopt(configOf(gateway.yaml.replace(/^listen: .*$/m, `listen: ${JSON.stringify(tls)}`)));
  await until('TLS', async () => (await answerOf('https')) === 'HTTP/1.1 200');
  await gateway.adopt(configOf(gateway.yaml));
  await until('no TLS', async () => (await answerOf('http')) === 'HTTP/1.1 200');
  t.equal(await answerOf('https'), undefined);
});
