import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Teardown } from '../../support/arrange.ts';
import { startChild } from '../../support/child.ts';
import { gatewayYaml } from '../../support/gateway-config.ts';
import { freePort } from '../../support/listening.ts';
import { withServers } from '../../support/web-servers.ts';
import type { Fault } from './faults.ts';
import { names, type Places } from './places.ts';

/**
 * The proxies, each with its checks by itself and by requests, its retries for what may be repeated, and its way to
 * follow a name, as its documentation has them. The times are the same: a check each 300 ms, which has 500 ms; an answer
 * has one second to begin; a name is looked up anew after half a second.
 */
export interface Gateway {
  name: string;
  version(): string;
  configure(at: { port: number; places: Places; fault: Fault }): {
    file: string;
    text: string;
    command(file: string): [string, string[]];
  };
}

const main = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
const versionIn = (command: string, ...args: string[]) => {
  const { stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...withServers() },
  });
  return /\d+\.\d+[.\d]*/.exec(stdout ?? '')?.[0] ?? '';
};

const sallyport: Gateway = {
  name: 'Sallyport',
  version: () =>
    JSON.parse(
      readFileSync(join(fileURLToPath(new URL('../../../..', import.meta.url)), 'package.json'), 'utf8'),
    ).version,
  configure: ({ port, places }) => ({
    file: 'sallyport.yaml',
    text: gatewayYaml(
      {
        config: {
          logging: { level: 'info', access: { skip: [{ path: '/' }] } },
          audit: 'off',
          routes: [
            {
              path: '/',
              allow: 'public',
              timeout: { connect: '1s', response: '1s' },
              upstream: {
                targets: [places.first.url, places.named],
                health: { path: '/healthz', interval: '300ms', timeout: '500ms', unhealthy: 1, healthy: 2 },
                eject: { failures: 3, statuses: ['5xx'] },
                retry: { attempts: 2, on: ['connect', 'closed', 'timeout', '5xx'] },
              },
            },
          ],
          limits: { connectionAge: '500ms' },
        },
      },
      port,
    ),
    command: (file) => ['env', ['-u', 'NODE_OPTIONS', process.execPath, main, 'serve', '-c', file]],
  }),
};

const haproxy: Gateway = {
  name: 'HAProxy',
  version: () => versionIn('haproxy', '-v'),
  configure: ({ port, places }) => ({
    file: 'haproxy.cfg',
    text: `defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 1s
  timeout check 500ms
  retries 2
  option redispatch 1
  retry-on conn-failure empty-response junk-response response-timeout 500 502 503 504
resolvers dns
  nameserver dns ${places.dns}:53
  resolve_retries 3
  timeout resolve 500ms
  timeout retry 500ms
  hold valid 500ms
frontend public
  bind 127.0.0.1:${port}
  default_backend app
backend app
  balance roundrobin
  http-request disable-l7-retry if METH_POST
  option httpchk GET /healthz
  default-server check inter 300ms fall 1 rise 2 observe layer7 error-limit 3 on-error mark-down init-addr libc,last
  server first ${new URL(places.first.url).host}
  server second ${new URL(places.named).host} resolvers dns resolve-prefer ipv4
`,
    command: (file) => ['haproxy', ['-db', '-f', file]],
  }),
};

/** A name that changes is followed by `dynamic`, which has no checks by itself; the other trials have them. */
const caddyTargets = ({ places, fault }: { places: Places; fault: Fault }) => {
  const [first, second] = [new URL(places.first.url), new URL(places.named)];
  if (!fault.isMove)
    return `to ${first.host} ${second.host}
    health_uri /healthz
    health_interval 300ms
    health_timeout 500ms
    health_status 2xx`;
  const lookUp = ({ hostname, port }: URL) =>
    `a {\n name ${hostname}\n port ${port}\n refresh 500ms\n resolvers ${places.dns}:53\n}`;
  return `dynamic multi {\n${lookUp(new URL(`http://${names.first}:${first.port}`))}\n${lookUp(second)}\n}`;
};

const caddy: Gateway = {
  name: 'Caddy',
  version: () => versionIn('caddy', 'version'),
  configure: ({ port, places, fault }) => ({
    file: 'Caddyfile',
    text: `{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy {
    ${caddyTargets({ places, fault })}
    lb_policy round_robin
    lb_retries 2
    lb_try_duration 3s
    lb_try_interval 50ms
    fail_duration 10s
    max_fails 3
    unhealthy_status 5xx
    transport http {
      dial_timeout 1s
      response_header_timeout 1s
    }
  }
}
`,
    command: (file) => ['caddy', ['run', '--adapter', 'caddyfile', '--config', file]],
  }),
};

export const proxies: readonly Gateway[] = [sallyport, haproxy, caddy];

/** Starts one in front of the places, and gives its address. */
export async function startProxy(
  t: Teardown,
  proxy: Gateway,
  { places, fault }: { places: Places; fault: Fault },
): Promise<{ url: string; log(): string }> {
  const port = await freePort();
  const { file, text, command } = proxy.configure({ port, places, fault });
  const path = join(places.folder, file);
  await writeFile(path, text, { mode: 0o600 });
  const env = { ...withServers(), HOME: places.folder, XDG_DATA_HOME: places.folder };
  const child = await startChild(...places.withDns(...command(path)), { env, ready: port });
  t.teardown(() => child.stop());
  return { url: `http://127.0.0.1:${port}`, log: () => child.stdout.join('') + child.stderr.join('') };
}
