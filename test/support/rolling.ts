import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from './child.ts';
import { createClient } from './client.ts';
import { freePort } from './free-port.ts';
import { gatewayYaml } from './gateway-config.ts';
import { logIn } from './log-in.ts';
import { startProvider } from './provider.ts';
import { until } from './until.ts';
import { startUpstream, valuesOf } from './upstream.ts';
import { withServers } from './web-servers.ts';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export interface RollingPlan {
  /** How often each of the two instances is restarted, in turn. */
  restarts: number;
  perSecond: number;
  /** `shutdown.delay`. */
  delay: string;
  /** Processes of each instance. */
  workers: number;
  /** Told what happens. */
  say?: (line: string) => void;
}

export interface RollingResult {
  requests: number;
  /** A sentence for each request that did not get its answer. */
  failures: string[];
  longestMs: number;
  restarts: number;
}

/**
 * Restarts two instances in turn behind HAProxy, which asks each of them at `/readyz` every 200 ms, while somebody
 * with a session sends requests. HAProxy is to repeat nothing.
 */
export async function rollInstances(plan: RollingPlan): Promise<RollingResult> {
  const { restarts, perSecond, say = () => {} } = plan;
  const ends: (() => unknown)[] = [];
  try {
    const scene = await arrange(plan, ends);
    const load = startLoad(scene.url, await signIn(scene.url, ends), perSecond);
    ends.unshift(load.stop);
    await wait(1000);
    for (let round = 1; round <= restarts; round++) {
      for (const instance of scene.instances) {
        const tookMs = await instance.restart();
        say(
          `round ${round}, ${instance.name}: ended and ready again in ${Math.round(tookMs)} ms; ${load.summary()}`,
        );
        // HAProxy takes it up after two good answers.
        await wait(1000);
      }
    }
    await load.stop();
    say(scene.noticed());
    return { ...load.result(), restarts: restarts * scene.instances.length };
  } finally {
    for (const end of ends) await end();
  }
}

async function arrange({ delay, workers }: RollingPlan, ends: (() => unknown)[]) {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-rolling-'));
  ends.unshift(() => rm(folder, { recursive: true, force: true }));
  const provider = await startProvider();
  ends.unshift(() => provider.stop());
  const upstream = await startUpstream((incoming, response) => {
    incoming
      .resume()
      .on('end', () => response.end(`hello ${valuesOf(incoming.rawHeaders, 'x-forwarded-user')}`));
  });
  ends.unshift(() => upstream.close());
  const front = await freePort();
  const url = `http://127.0.0.1:${front}`;
  provider.allowRedirectsTo(url);
  const common = {
    publicUrl: url,
    session: { secret: Buffer.alloc(32, 7).toString('base64') },
    logging: { level: 'warn' },
    shutdown: { delay },
    workers,
  };
  const instances: Instance[] = [];
  for (const name of ['a', 'b']) {
    const [port, adminPort] = [await freePort(), await freePort()];
    const config = { ...common, admin: { listen: `127.0.0.1:${adminPort}` } };
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, gatewayYaml({ provider, upstream, config }, port), { mode: 0o600 });
    const instance = await startInstance(name, file, { port, adminPort });
    ends.unshift(instance.stop);
    instances.push(instance);
  }
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, haproxyConfig(front, instances));
  const haproxy = await startChild('haproxy', ['-db', '-f', file], {
    env: withServers(),
    ready: front,
    install: 'apt-get install haproxy',
  });
  ends.unshift(() => haproxy.stop());
  await wait(1000);
  return { url, instances, noticed: () => haproxy.stderr.join('') };
}

interface Instance {
  name: string;
  port: number;
  adminPort: number;
  /** Milliseconds from the signal to its being ready again. */
  restart(): Promise<number>;
  stop(): Promise<void>;
}

async function startInstance(
  name: string,
  file: string,
  { port, adminPort }: { port: number; adminPort: number },
): Promise<Instance> {
  const isReady = async () =>
    (await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => undefined))?.status === 200;
  const start = () =>
    startChild('env', ['-u', 'NODE_OPTIONS', process.execPath, main, 'serve', '-c', file], {
      ready: isReady,
      readyWithin: 60_000,
    });
  let child: Child = await start();
  return {
    name,
    port,
    adminPort,
    async restart() {
      const asked = performance.now();
      child.process.kill('SIGTERM');
      const { code, signal } = await child.exited;
      if (code !== 0) throw new Error(`${name} ended with ${code ?? signal}: ${child.stderr.join('')}`);
      child = await start();
      return performance.now() - asked;
    },
    stop() {
      // Nobody is to wait for its delay any more.
      child.process.kill('SIGKILL');
      return child.stop();
    },
  };
}

/** HAProxy in front of gateways, each of which it asks at `/readyz`. It repeats nothing. */
export const haproxyConfig = (
  front: number,
  instances: readonly Pick<Instance, 'name' | 'port' | 'adminPort'>[],
) => `defaults
  mode http
  # What is slow on a busy machine is not lost, and a slow probe says nothing of the instance.
  timeout connect 60s
  timeout client 60s
  timeout server 60s
  timeout check 10s
  retries 0
frontend public
  bind 127.0.0.1:${front}
  default_backend sallyport
backend sallyport
  balance roundrobin
  option httpchk GET /readyz
${instances.map(({ name, port, adminPort }) => `  server ${name} 127.0.0.1:${port} check port ${adminPort} inter 200ms\n`).join('')}`;

/** The session of somebody, as a Cookie header. */
async function signIn(url: string, ends: (() => unknown)[]): Promise<string> {
  const client = createClient();
  ends.unshift(() => client.close());
  await until('the provider', async () => (await client.get(`${url}/oauth2/start`)).status !== 503, 30_000);
  await logIn(client, url, 'ada');
  return client.cookies.headerFor(`${url}/`) ?? '';
}

/** Sends requests at a steady pace over kept-alive connections, every third of them a POST. */
function startLoad(url: string, cookie: string, perSecond: number) {
  const agent = new Agent({ keepAlive: true });
  const started = performance.now();
  const underWay = new Set<Promise<void>>();
  const failures: string[] = [];
  let requests = 0;
  let longestMs = 0;
  const send = (at: number) =>
    new Promise<void>((resolve) => {
      const asked = performance.now();
      const done = (failure?: string) => {
        const at = `${Math.round(performance.now() - started)} ms`;
        longestMs = Math.max(longestMs, performance.now() - asked);
        if (failure) failures.push(`at ${at}: ${failure.slice(0, 80)}`);
        resolve();
      };
      const method = at % 3 === 0 ? 'POST' : 'GET';
      const sent = request(`${url}/page/${at}`, { agent, method, headers: { cookie, accept: 'text/plain' } });
      sent.on('error', (error) => done(`${method}: ${error.message}`));
      sent.on('response', (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += String(chunk);
        });
        answer.on('error', (error) => done(`${method}: ${error.message}`));
        answer.on('end', () =>
          done(
            answer.statusCode === 200 && text === 'hello ada'
              ? undefined
              : `${method}: ${answer.statusCode} ${text}`,
          ),
        );
      });
      sent.end(method === 'POST' ? 'a=b' : undefined);
    });
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1000) * perSecond;
    while (requests < due) {
      const one = send(requests++);
      underWay.add(one);
      void one.then(() => underWay.delete(one));
    }
  }, 5);
  const result = () => ({ requests, failures, longestMs: Math.round(longestMs) });
  return {
    result,
    summary: () => `${requests} requests, ${failures.length} failed`,
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      agent.destroy();
    },
  };
}
