import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startNginxServer, withServers } from '../../support/web-servers.ts';
import { type Front, replaced } from './front.ts';

/** The least that ends connections in front of the gateway. */
const terminator = (gateway: string) => `
upstream sallyport { server ${gateway}; keepalive 16; }
large_client_header_buffers 4 32k;
server {
  listen 8080;
  client_max_body_size 0;
  location / {
    proxy_pass http://sallyport;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_request_buffering off;
  }
}
`;

export const nginx: Front = {
  name: 'nginx',
  version: () =>
    /nginx\/(\S+)/.exec(
      String(spawnSync('nginx', ['-v'], { env: { ...process.env, ...withServers() } }).stderr),
    )?.[1] ?? '',
  async start({ port, folder, gateway, place }, { mode, http2 = false }) {
    const listen = `listen 127.0.0.1:${port}${http2 ? ' http2' : ''}`;
    let server = join(folder, 'terminator.conf');
    if (mode === 'terminates') {
      await writeFile(server, terminator(gateway).replace('listen 8080', listen));
    } else {
      server = await place('nginx.conf', (text) =>
        replaced(text, ['listen 8080', listen], [/_timeout 15s/, '_timeout 1s']),
      );
    }
    return startNginxServer({ folder, port, http: `include ${server};` });
  },
  limits: {
    'in place of `public` and `s-maxage`': '`private` stands beside them, and counts by the standard',
  },
};
