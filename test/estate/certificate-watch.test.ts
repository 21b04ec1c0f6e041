import { copyFile } from 'node:fs/promises';
import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { watchCertificates } from '../../src/estate/certificate-watch.ts';
import { openFiles } from '../../src/files.ts';
import type { Event } from '../../src/observe/events.ts';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { createWoundClock } from '../support/clock.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** A watch over a configuration, whose clock the test winds, and what it has said. */
function arrangeWatch(config: Record<string, unknown>) {
  const clock = createWoundClock();
  const said: { key: string; standing: string; daysLeft: number }[] = [];
  const emit = (event: Event) => {
    if (event.kind !== 'certificate-expiring') return;
    const { key, standing, daysLeft } = event;
    said.push({ key, standing, daysLeft });
  };
  const watch = watchCertificates({ emit, clock });
  const adopt = (next: Record<string, unknown>) => {
    const yaml = gatewayYaml({ upstream: 'http://127.0.0.1:9', config: next }, 4180);
    const files = openFiles();
    watch.adopt(parseConfig(yaml, { file: 'sallyport.yaml', env: {}, files }));
  };
  adopt(config);
  return { clock, said, watch, adopt };
}

const serves = ({ certFile: cert, keyFile: key }: Certificate) => ({
  listen: { address: '127.0.0.1:4180', tls: { cert, key } },
});

test('a certificate is warned of under 14 days, once a day, and is an error when it has ended', async (t) => {
  const { clock, said, watch } = arrangeWatch(serves(await makeCertificate('localhost', { days: 20 })));
  t.teardown(watch.close);
  clock.wind(5 * dayMs);
  t.strictSame(said, []);
  t.strictSame(watch.expiring(), []);
  clock.wind(2 * dayMs);
  const warning = { key: 'listen.tls.cert', standing: 'ending', daysLeft: 12 };
  t.strictSame(said, [warning]);
  t.strictSame(watch.expiring(), [
    {
      reason: 'certificate_expiring',
      name: 'listen.tls.cert',
      detail: 'a certificate ends in 12 days',
    },
  ]);
  for (let minute = 0; minute < 60; minute++) clock.wind(minuteMs);
  t.equal(said.length, 1, 'a look each minute says nothing more');
  clock.wind(dayMs);
  t.strictSame(said[1], { ...warning, daysLeft: 11 });
  clock.wind(12 * dayMs);
  t.strictSame(said[2], { ...warning, standing: 'ended', daysLeft: -1 });
  t.match(watch.expiring(), [{ name: 'listen.tls.cert', detail: 'a certificate has ended' }]);
});

test('a reload says nothing again, and one with a renewed file ends the warning', async (t) => {
  const [old, next] = await Promise.all([
    makeCertificate('Root', { days: 3 }),
    makeCertificate('Root', { days: 60 }),
  ]);
  const provider = { ca: old.certFile };
  const { clock, said, watch, adopt } = arrangeWatch({ provider });
  t.teardown(watch.close);
  t.strictSame(said, [{ key: 'provider.ca', standing: 'ending', daysLeft: 2 }]);
  adopt({ provider });
  adopt({ provider, headers: { 'X-More': 'a' } });
  t.equal(said.length, 1);
  await copyFile(next.certFile, old.certFile);
  clock.wind(minuteMs);
  t.equal(watch.expiring().length, 1, 'the old one is in use until the reload');
  adopt({ provider });
  t.strictSame(watch.expiring(), []);
  clock.wind(dayMs);
  t.equal(said.length, 1);
});

test('the files of the listener end the warning by themselves, when they fit together', async (t) => {
  const [old, next] = await Promise.all([
    makeCertificate('localhost', { days: 3 }),
    makeCertificate('localhost', { days: 60 }),
  ]);
  const { clock, watch } = arrangeWatch(serves(old));
  t.teardown(watch.close);
  await copyFile(next.certFile, old.certFile);
  clock.wind(minuteMs);
  t.equal(watch.expiring().length, 1, 'the listener does not use one whose key is missing');
  await copyFile(next.keyFile, old.keyFile);
  clock.wind(minuteMs);
  t.strictSame(watch.expiring(), []);
});

for (const workers of [1, 2]) {
  test(`a gateway of ${workers} processes says it once in its log`, async (t) => {
    const { certFile: cert } = await makeCertificate('Root');
    const gateway = await spawnGateway({
      upstream: 'http://127.0.0.1:9',
      config: { workers, provider: { ca: cert } },
    });
    t.teardown(() => gateway.stop());
    const count = (msg: string) => gateway.log.lines.filter((line) => line.msg === msg).length;
    await gateway.log.line(() => count('listening') === workers);
    const line = await gateway.log.line(({ msg }) => msg === 'a certificate ends soon: renew it');
    t.match(line, { level: 'warn', key: 'provider.ca', cert, names: 'CN=Root', daysLeft: 0 });
    gateway.process.kill('SIGHUP');
    await gateway.log.line(({ msg }) => msg === 'reloaded');
    t.equal(count('a certificate ends soon: renew it'), 1);
  });
}
