import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { arrangePeople } from '../refresh/people.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createClient } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { providerFound } from '../support/provider-found.ts';
import { until } from '../support/until.ts';

type Document = Record<string, unknown> & { provider: Record<string, unknown> };

/** The configuration that is running, with a change. */
function changed(yaml: string, change: (document: Document) => void) {
  const document = parse(yaml) as Document;
  change(document);
  return parseConfig(stringify(document), { file: 'sallyport.yaml', env: {} }).config;
}

const nobody = 'http://127.0.0.1:9';
const metadataPath = '/.well-known/openid-configuration';

test('a plan that cannot be opened leaves nobody behind who looks for its providers', async (t) => {
  const clock = createWoundClock();
  const gateway = await startTestGateway({ clock, awaitProvider: false, upstream: nobody });
  t.teardown(() => gateway.close());
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-plan-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const ca = join(folder, 'ca.pem');
  const notFound = () => gateway.log.lines.filter(({ msg }) => msg === 'provider not found').length;
  await until('the first failure', () => notFound() > 0);
  for (let time = 0; time < 5; time++) {
    await writeFile(ca, 'any');
    const config = changed(gateway.yaml, (document) => {
      const { provider, ...rest } = document;
      for (const key of Object.keys(document)) delete (document as Record<string, unknown>)[key];
      const other = { ...provider, issuer: 'http://127.0.0.1:10', ca };
      Object.assign(document, rest, { providers: { default: provider, other } });
    });
    await rm(ca);
    await t.rejects(gateway.adopt(config));
  }
  const before = notFound();
  clock.wind(15_000);
  await until('another failure', () => notFound() > before);
  clock.wind(60_000);
  await until('one more', () => notFound() > before + 1);
  t.equal(notFound() - before, 2, 'one is told of each');
});

test('a plan is put in force at once while a provider is out', async (t) => {
  const clock = createWoundClock();
  const gateway = await startTestGateway({ clock, awaitProvider: false, upstream: nobody });
  t.teardown(() => gateway.close());
  // So often that it is asked again in several seconds only.
  const failures = () => gateway.log.lines.filter(({ msg }) => msg === 'provider not found');
  for (let time = 1; time <= 6; time++) {
    if (time > 1) clock.wind(15_000);
    await until('a failure', () => failures().length >= time);
  }
  t.ok(Number(failures().at(-1)?.retryMs) > 7000);
  const at = performance.now();
  const config = changed(gateway.yaml, (document) => {
    document.headers = { 'X-A': 'b' };
  });
  await gateway.adopt(config);
  t.ok(performance.now() - at < 4000, `it took ${Math.round(performance.now() - at)} ms`);
});

test('while a provider hangs it is asked by the plan in force, also where an earlier one never found it', async (t) => {
  const clock = createWoundClock();
  const provider = await startProvider({ rotateRefreshTokens: true, ttl: { accessToken: 300 } });
  t.teardown(() => provider.stop());
  let isOut = true;
  let isHanging = false;
  let probes = 0;
  provider.tamper(async (hit) => {
    if (isOut) return hit.send({ status: 503 });
    if (hit.path !== '/token') return hit.pass();
    if ((await hit.body()).includes('probe-')) probes += 1;
    return isHanging ? undefined : hit.pass();
  });
  const upstream = await arrangeUpstream(t);
  const config = { provider: { timeout: '2s' } };
  const gateway = await startTestGateway({ provider, upstream, clock, awaitProvider: false, config });
  t.teardown(() => gateway.close());
  await gateway.log.line(({ msg }) => msg === 'provider not found');
  await gateway.adopt(
    changed(gateway.yaml, (document) => {
      document.headers = { 'X-A': 'b' };
    }),
  );
  isOut = false;
  clock.wind(20_000);
  await providerFound(gateway.url, '/oauth2');
  const client = createClient();
  t.teardown(() => client.close());
  await logIn(client, gateway.url, 'ada');
  clock.wind(301_000);
  isHanging = true;
  const first = client.get(gateway.url);
  await until('probes', () => probes > 2);
  isHanging = false;
  await first;
  await until('the person is served', async () => (await client.get(gateway.url)).status === 200);
  t.pass();
});

test('neither another time-out nor another client certificate needs a provider that is out to be found', async (t) => {
  const { certFile, keyFile } = await makeCertificate('gateway');
  const people = await arrangePeople(t, { names: ['ada'] });
  const { gateway, provider, expire, client } = people;
  for (const path of [metadataPath, '/jwks']) people.on(path, (hit) => hit.send({ status: 503 }));
  const before = provider.hits.get(metadataPath);
  const changes = [{ timeout: '7s' }, { tls: { cert: certFile, key: keyFile } }];
  for (const change of changes) {
    const name = Object.keys(change).join();
    await gateway.adopt(
      changed(gateway.yaml, (document) => {
        Object.assign(document.provider, change);
      }),
    );
    await people.signIn('grace');
    t.equal((await client('grace').get(gateway.url)).status, 200, `a login, ${name}`);
    expire();
    t.equal((await client('ada').get(gateway.url)).status, 200, `a refresh, ${name}`);
  }
  t.equal(provider.hits.get(metadataPath), before);
});
