import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { type Application, type Running, startOnFreePort } from '../support/applications/application.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { startChild } from '../support/child.ts';
import { type Client, createClient } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { type Echo, valuesOf } from '../support/upstream.ts';
import { startNginxServer, withServers } from '../support/web-servers.ts';

/**
 * Two fronts: an outer one (the test) that writes the address of a client in a spelling of its own, and a real inner
 * one that appends the address of the outer. Both are of `trustedProxies`.
 */
const spellings: [lines: readonly string[], client: string | undefined][] = [
  [['203.0.113.7'], '203.0.113.7'],
  [['203.0.113.7:51008'], '203.0.113.7'],
  [['203.0.113.7:51008, 10.0.0.4'], '203.0.113.7'],
  [['[2001:db8::7]:443'], '2001:db8::7'],
  [['"203.0.113.7"'], '203.0.113.7'],
  [['2001:db8::7%eth0'], '2001:db8::7'],
  [['unknown'], undefined],
  [['10.0.0.4, unknown'], undefined],
  [['10.0.0.4', '203.0.113.7:1'], '203.0.113.7'],
];

/** How each front is told to append, and how not to say anything. */
const fronts: Record<
  string,
  (port: number, folder: string, gateway: string, says: boolean) => Promise<Running>
> = {
  async nginx(port, folder, gateway, says) {
    const forwardedFor = says ? '$proxy_add_x_forwarded_for' : '""';
    const http = `server { listen 127.0.0.1:${port}; location / {
  proxy_pass http://${gateway}; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For ${forwardedFor};
} }`;
    return startNginxServer({ folder, port, http });
  },
  async HAProxy(port, folder, gateway, says) {
    const file = join(folder, 'haproxy.cfg');
    await writeFile(
      file,
      `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend all
  bind 127.0.0.1:${port}
  ${says ? 'option forwardfor' : 'http-request del-header X-Forwarded-For'}
  default_backend gateway
backend gateway
  server one ${gateway}
`,
    );
    return startChild('haproxy', ['-db', '-f', file], { env: withServers(), ready: port });
  },
  async Caddy(port, folder, gateway, says) {
    const file = join(folder, 'Caddyfile');
    const proxy = says ? 'trusted_proxies 127.0.0.0/8' : 'header_up -X-Forwarded-For';
    await writeFile(
      file,
      `{\n\tadmin off\n\tstorage file_system ${folder}\n}\nhttp://:${port} {\n\tbind 127.0.0.1\n\treverse_proxy ${gateway} {\n\t\t${proxy}\n\t}\n}\n`,
    );
    return startChild('caddy', ['run', '--adapter', 'caddyfile', '--config', file], {
      env: { HOME: folder },
      ready: port,
    });
  },
};

type Front = (typeof fronts)[string];

async function arrange(
  t: Test,
  start: Front,
  says: boolean,
): Promise<{ front: Application; client: Client }> {
  const upstream = await arrangeUpstream(t);
  const gateway = await startTestGateway({
    awaitProvider: false,
    config: {
      publicUrl: 'http://app.example.com',
      trustedProxies: ['127.0.0.1', '10.0.0.0/8'],
      headers: { 'X-Client-Address': '{client.address}' },
      routes: [
        { path: '/', upstream: upstream.url, allow: 'public' },
        { path: '/office', upstream: upstream.url, allow: [{ networks: '10.0.0.0/8' }] },
        { path: '/lo', upstream: upstream.url, allow: [{ networks: '127.0.0.0/8' }] },
        { path: '/client', upstream: upstream.url, allow: [{ networks: ['203.0.113.7', '2001:db8::/32'] }] },
      ],
    },
  });
  t.teardown(() => gateway.close());
  const front = await startOnFreePort((port, folder) => start(port, folder, new URL(gateway.url).host, says));
  t.teardown(() => front.stop());
  const client = createClient();
  t.teardown(() => client.close());
  return { front, client };
}

for (const [name, start] of Object.entries(fronts)) {
  test(`behind ${name}, no spelling of X-Forwarded-For makes a client one of our networks`, async (t) => {
    const { front, client } = await arrange(t, start, true);
    for (const [lines, address] of spellings) {
      const ask = (place: string) =>
        client.request(front.url + place, {
          headers: ['Host', 'app.example.com', ...lines.flatMap((line) => ['X-Forwarded-For', line])],
        });
      const label = lines.join(' and ');
      t.equal((await ask('/office')).status, 403, `${label} is not at the office`);
      t.equal((await ask('/lo')).status, 403, `${label} is not this machine`);
      const open = await ask('/');
      t.equal(open.status, 200);
      const { rawHeaders } = open.json() as Echo;
      t.same(valuesOf(rawHeaders, 'x-client-address'), address === undefined ? [] : [address], label);
      t.equal((await ask('/client')).status, address === undefined ? 403 : 200, `${label} is who it is`);
    }
  });

  test(`behind ${name} that says nothing of the client, the client is nobody known`, async (t) => {
    const { front, client } = await arrange(t, start, false);
    for (const sent of [[], ['X-Forwarded-For', '10.0.0.4'], ['Forwarded', 'for=10.0.0.4']]) {
      const ask = (place: string) =>
        client.request(front.url + place, { headers: ['Host', 'app.example.com', ...sent] });
      for (const place of ['/office', '/lo', '/client']) t.equal((await ask(place)).status, 403, place);
      const { rawHeaders } = (await ask('/')).json() as Echo;
      t.same(valuesOf(rawHeaders, 'x-client-address'), []);
      t.same(valuesOf(rawHeaders, 'forwarded'), [], 'and what the client says of itself stays here');
    }
  });
}

test('a front on a Unix socket is believed where the configuration names it', async (t) => {
  const upstream = await arrangeUpstream(t);
  for (const [trustedProxies, status] of [
    [['unix'], 200],
    [['127.0.0.1', '0.0.0.0/0'], 403],
  ] as const) {
    const front = await startOnFreePort(async (port, folder) => {
      const socket = join(folder, 'gateway.sock');
      const gateway = await startTestGateway({
        awaitProvider: false,
        config: {
          publicUrl: 'http://app.example.com',
          listen: `unix:${socket}`,
          trustedProxies,
          routes: [{ path: '/', upstream: upstream.url, allow: [{ networks: '203.0.113.7' }] }],
        },
      });
      t.teardown(() => gateway.close());
      const file = join(folder, 'haproxy.cfg');
      await writeFile(
        file,
        `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen all
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-For 203.0.113.7:1
  server one unix@${socket}
`,
      );
      return startChild('haproxy', ['-db', '-f', file], { env: withServers(), ready: port });
    });
    t.teardown(() => front.stop());
    const client = createClient();
    t.teardown(() => client.close());
    const answer = await client.request(front.url, { headers: { host: 'app.example.com' } });
    t.equal(answer.status, status, trustedProxies.join());
    if (status !== 200) continue;
    t.same(valuesOf((answer.json() as Echo).rawHeaders, 'x-forwarded-for'), ['203.0.113.7:1']);
  }
});
