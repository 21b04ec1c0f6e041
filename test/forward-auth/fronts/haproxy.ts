import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import { withServers } from '../../support/web-servers.ts';
import { type Front, type Mode, type ProxyPlace, replaced } from './front.ts';

/** The least that ends connections in front of the gateway. */
const terminator = (gateway: string) => `global
  tune.bufsize 65536
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 30s
  timeout tunnel 1h
frontend public
  bind :8080
  http-request set-header X-Forwarded-For %[src]
  default_backend sallyport
backend sallyport
  server sallyport ${gateway}
`;

async function configure({ port, folder, gateway, place }: ProxyPlace, mode: Mode, http2: boolean) {
  const bind = `bind 127.0.0.1:${port}${http2 ? ' proto h2' : ''}`;
  if (mode === 'terminates') {
    const file = join(folder, 'terminator.cfg');
    await writeFile(file, terminator(gateway).replace('bind :8080', bind));
    return file;
  }
  const script = await place('sallyport.lua', (text) =>
    replaced(text, ['timeout = 15000', 'timeout = 1000']),
  );
  return place('haproxy.cfg', (text) =>
    replaced(text, ['/etc/haproxy/sallyport.lua', script], ['bind :8080', bind]),
  );
}

export const haproxy: Front = {
  name: 'HAProxy',
  version: () =>
    /version (\d+(?:\.\d+)*)/.exec(
      String(spawnSync('haproxy', ['-v'], { env: { ...process.env, ...withServers() } }).stdout),
    )?.[1] ?? '',
  start: async (place, { mode, http2 = false }) =>
    startChild('haproxy', ['-db', '-f', await configure(place, mode, http2)], {
      env: withServers(),
      ready: place.port,
      install: 'apt-get install haproxy',
    }),
};
