import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { arrangeUpstream, type Teardown } from '../support/arrange.ts';
import { type Client, createClient } from '../support/client.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider, type TestProvider } from '../support/provider.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { type RedisCut, startRedisCut } from '../support/redis-cut.ts';
import { until } from '../support/until.ts';

const tokenSeconds = 300;

/** Two instances of one gateway, the Redis between them, people who are signed in, and a provider that can wait. */
export interface Instances {
  redis: TestRedis;
  clock: WoundClock;
  /** The way of the first instance to Redis. */
  cut: RedisCut;
  provider: TestProvider;
  gateways: [TestGateway, TestGateway];
  clients: Client[];
  /** The refresh tokens that the provider was sent, each as often as it was. */
  sent: string[];
  /** Lets the access tokens end, and holds refreshes at the provider from now on. */
  expire(): void;
  /** Lets the provider answer. */
  release(): void;
  /** Asks an instance with somebody's session, keeping its new cookies. */
  ask(client: Client, instance: number): Promise<number>;
  /** One command, as an operator types it. */
  cli(...command: string[]): Promise<unknown>;
  cliAs(user: string, ...command: string[]): Promise<unknown>;
  /** Another instance, at the same time or in place of one. */
  another(url?: string): Promise<TestGateway>;
}

export interface InstancesOptions {
  store: 'cookie' | 'redis';
  people: number;
  redis?: string[];
}

export async function arrangeInstances(t: Teardown, options: InstancesOptions): Promise<Instances> {
  const redis = await startRedis(...(options.redis ?? []));
  t.teardown(() => redis.stop());
  const cut = await startRedisCut(redis.port);
  t.teardown(() => cut.close());
  const names = Array.from({ length: options.people }, (_, index) => `person${index}`);
  const people = Object.fromEntries(names.map((name) => [name, { email: `${name}@example.com` }]));
  const provider = await startProvider({
    rotateRefreshTokens: true,
    people,
    ttl: { accessToken: tokenSeconds },
  });
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const clock = createWoundClock();
  const secret = randomBytes(32).toString('base64');
  const start = async (url: string) => {
    const session =
      options.store === 'cookie'
        ? { secret, redis: { url, timeout: '1s' } }
        : { secret, store: url, redis: { timeout: '1s' } };
    const routes = [
      { path: '/', upstream: upstream.url },
      { path: '/open', upstream: upstream.url, allow: 'public' },
    ];
    const gateway = await startTestGateway({
      provider,
      clock,
      config: { session, routes, provider: { timeout: '2s' } },
    });
    t.teardown(() => gateway.close());
    return gateway;
  };
  const first = await start(cut.url);
  const second = await start(redis.url);
  for (const { log } of [first, second]) await log.line(({ msg }) => msg === 'Redis is reachable');

  const clients: Client[] = [];
  for (const name of names) {
    const client = createClient();
    t.teardown(() => client.close());
    clients.push(client);
    await logIn(client, first.url, name);
  }

  const sent: string[] = [];
  let release = () => {};
  let held: Promise<void> = Promise.resolve();
  provider.tamper(async (hit) => {
    if (hit.path !== '/token') return hit.pass();
    const form = new URLSearchParams(await hit.body());
    const token = form.get('refresh_token');
    if (token === null || token.startsWith('probe-')) return hit.pass();
    sent.push(token);
    await held;
    return hit.pass();
  });
  const run = async (username: string, [name = '', ...args]: string[]) => {
    const login = username === 'default' ? {} : { username, password: 'any' };
    const operator = new Redis({ port: redis.port, host: '127.0.0.1', enableReadyCheck: false, ...login });
    operator.on('error', () => {});
    try {
      return await operator.call(name, ...args);
    } finally {
      operator.disconnect();
    }
  };
  return {
    clock,
    redis,
    cut,
    provider,
    gateways: [first, second],
    clients,
    sent,
    expire() {
      clock.wind((tokenSeconds + 1) * 1000);
      held = new Promise((resolve) => {
        release = resolve;
      });
    },
    release: () => release(),
    async ask(client, instance) {
      // Ports don't matter to a cookie: the browser takes both for one.
      const { status } = await client.get(`${instance === 0 ? first.url : second.url}/x`);
      return status;
    },
    cli: (...command) => run('default', command),
    cliAs: (user, ...command) => run(user, command),
    another: (url = redis.url) => start(url),
  };
}

/** Whether an instance has its Redis, as far as its log tells. */
function hasRedis({ log }: TestGateway): boolean {
  const last = log.lines.filter(({ msg }) => /^Redis (is|takes)/.test(msg)).at(-1);
  return last?.msg === 'Redis is reachable';
}

/** Waits until both instances have Redis and serve everybody; gives every status that was seen on the way. */
export async function untilServed(scene: Instances, withinMs: number): Promise<number[]> {
  const seen: number[] = [];
  const served = async () => {
    const asked = scene.clients.flatMap((client) => [scene.ask(client, 0), scene.ask(client, 1)]);
    const statuses = await Promise.all(asked);
    seen.push(...statuses);
    return scene.gateways.every(hasRedis) && statuses.every((status) => status === 200);
  };
  await until('everybody is served', served, withinMs).catch((error: Error) => {
    throw new Error(`${error.message}: ${seen.slice(-2 * scene.clients.length)}`);
  });
  return seen;
}
