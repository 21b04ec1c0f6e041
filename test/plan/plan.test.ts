import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { compilePlan } from '../../src/plan/plan.ts';
import { gatewayYaml } from '../support/gateway-config.ts';

const configOf = (config: Record<string, unknown>) =>
  parseConfig(gatewayYaml({ config }, 4180), { file: 'c.yaml', env: {} }).config;

test('routes that connect alike have one target, and others have not', async (t) => {
  const tls = { ca: '/ca.pem' };
  const files: Record<string, string> = { '/ca.pem': 'one', '/other.pem': 'two' };
  const { routes } = compilePlan(
    configOf({
      routes: [
        { path: '/', upstream: 'https://app' },
        { path: '/a', upstream: ['https://other', 'https://app'] },
        { path: '/b', upstream: 'https://app', tls },
        { path: '/c', upstream: 'https://app', tls: { ca: '/other.pem' } },
        { path: '/d', upstream: 'https://app', timeout: { connect: '1s' } },
        { path: '/e', upstream: 'https://app', timeout: { response: '1s' } },
      ],
    }),
    { read: (file) => files[file] ?? '' },
  );
  const keys = new Map(routes.map(({ route, targets }) => [route.path, targets.at(-1)?.key]));
  t.equal(keys.get('/'), keys.get('/a'));
  t.equal(keys.get('/'), keys.get('/e'), 'a time-out of answers is none of connections');
  t.equal(new Set(keys.values()).size, 4);
});

test('the key of a target changes with the contents of its files, and names none of them', async (t) => {
  const config = configOf({ routes: [{ upstream: 'https://app', tls: { cert: '/c', key: '/k' } }] });
  const keyWith = (text: string) =>
    compilePlan(config, { read: () => text }).routes[0]?.targets[0]?.key ?? '';
  t.equal(keyWith('secret one'), keyWith('secret one'));
  t.not(keyWith('secret one'), keyWith('secret two'));
  t.notMatch(keyWith('secret one'), 'secret');
});

test('a plan says which file it could not read', async (t) => {
  const config = configOf({ routes: [{ upstream: 'https://app', tls: { ca: '/no/such/ca.pem' } }] });
  t.throws(() => compilePlan(config), { message: /no\/such\/ca\.pem/ });
});

test('the authorities of Redis are read with the plan, once, where there is a Redis', async (t) => {
  const read: string[] = [];
  const redisCaOf = (session: Record<string, unknown>) =>
    compilePlan(configOf({ upstream: 'http://app', session }), {
      read(file) {
        read.push(file);
        return 'PEM';
      },
    }).redisCa;
  t.equal(redisCaOf({ redis: { url: 'rediss://redis', ca: '/ca.pem' } }), 'PEM');
  t.equal(redisCaOf({ store: 'rediss://redis', redis: { ca: '/ca.pem' } }), 'PEM');
  t.strictSame(read, ['/ca.pem', '/ca.pem']);
  t.equal(redisCaOf({ redis: { ca: '/ca.pem' } }), undefined);
  t.equal(read.length, 2);
});
