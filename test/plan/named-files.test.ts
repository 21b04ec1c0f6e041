import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { openFiles } from '../../src/files.ts';
import { describeError } from '../../src/observe/scrub.ts';
import { compilePlan, readFilesOfProviders } from '../../src/plan/plan.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

const missing = '/no/such/file.pem';

const cases: Record<string, Record<string, unknown>> = {
  'provider.ca': { provider: { ca: missing } },
  'provider.tls.cert': { provider: { tls: { cert: missing, key: '/dev/null' } } },
  'bearer[0].ca': { bearer: [{ issuer: 'https://a.example', audience: 'a', ca: missing }] },
  'session.redis.ca': { session: { redis: { url: 'rediss://127.0.0.1:9', ca: missing } } },
  'routes[1].tls.ca': {
    upstream: undefined,
    routes: [
      { path: '/', upstream: 'http://127.0.0.1:9' },
      { path: '/b', upstream: 'https://127.0.0.1:9', tls: { ca: missing } },
    ],
  },
  'listen.tls.cert': { listen: { address: '127.0.0.1:4180', tls: { cert: missing, key: '/dev/null' } } },
  'listen[1].tls.key': {
    listen: ['127.0.0.1:4180', { address: '127.0.0.1:4181', tls: { cert: '/dev/null', key: missing } }],
  },
};

for (const [key, config] of Object.entries(cases)) {
  test(`a file that cannot be read is named with its key: ${key}`, async (t) => {
    const yaml = gatewayYaml({ upstream: 'http://127.0.0.1:9', config }, 4180);
    const { config: parsed } = parseConfig(yaml, { file: 'sallyport.yaml', env: {} });
    const said: string[] = [];
    for (const read of [() => compilePlan(parsed), () => readFilesOfProviders(parsed, openFiles().read)]) {
      try {
        read();
      } catch (error) {
        said.push(describeError(error));
      }
    }
    t.strictSame(said, [`ENOENT: ${key}: no such file or directory, open '${missing}'`]);
  });
}

test('of several providers, that of the file is named', async (t) => {
  const of = { issuer: 'https://a.example', clientId: 'a', clientSecret: 'a' };
  const providers = { one: of, two: { ...of, issuer: 'https://b.example', ca: missing } };
  const yaml = gatewayYaml(
    { upstream: 'http://127.0.0.1:9', config: { provider: undefined, providers } },
    4180,
  );
  const { config } = parseConfig(yaml, { file: 'sallyport.yaml', env: {} });
  t.throws(() => readFilesOfProviders(config, openFiles().read), {
    message: /^providers\.two\.ca: no such file/,
  });
});

test('a certificate that cannot be used is named with its key and its file', async (t) => {
  const folder = t.testdir({ 'tls.crt': 'garbage', 'tls.key': 'garbage' });
  const tls = { cert: `${folder}/tls.crt`, key: `${folder}/tls.key` };
  const listeners: [place: string, listen: unknown][] = [
    ['listen.tls', { address: '127.0.0.1:4180', tls }],
    ['listen[1].tls', ['127.0.0.1:4180', { address: '127.0.0.1:4181', tls }]],
  ];
  for (const [place, listen] of listeners) {
    const yaml = gatewayYaml({ upstream: 'http://127.0.0.1:9', config: { listen } }, 4180);
    const { config } = parseConfig(yaml, { file: 'sallyport.yaml', env: {} });
    try {
      compilePlan(config);
      t.fail('it was taken');
    } catch (error) {
      const { message } = error as Error;
      t.ok(message.startsWith(`${place}: ${tls.cert} cannot be used with the key ${tls.key}: `), message);
    }
  }
});
