import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import { type Front, type Mode, type ProxyPlace, replaced } from './front.ts';

const env = { PATH: `${process.env.PATH}:/usr/sbin` };

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

/** The documented server, in the rest of what nginx needs to run in a folder of its own. */
async function configure({ port, folder, gateway, place }: ProxyPlace, mode: Mode, http2: boolean) {
  const listen = `listen 127.0.0.1:${port}${http2 ? ' http2' : ''}`;
  let server = join(folder, 'terminator.conf');
  if (mode === 'terminates') {
    await writeFile(server, terminator(gateway).replace('listen 8080', listen));
  } else {
    server = await place('nginx.conf', (text) =>
      replaced(text, ['listen 8080', listen], [/_timeout 15s/, '_timeout 1s']),
    );
  }
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const file = join(folder, 'main.conf');
  const main = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr warn;
events { worker_connections 256; }
http { ${temporary.join(' ')} access_log off; include ${server}; }
`;
  await writeFile(file, main);
  return file;
}

export const nginx: Front = {
  name: 'nginx',
  version: () =>
    /nginx\/(\S+)/.exec(
      String(spawnSync('nginx', ['-v'], { env: { ...process.env, ...env } }).stderr),
    )?.[1] ?? '',
  start: async (place, { mode, http2 = false }) =>
    startChild('nginx', ['-c', await configure(place, mode, http2), '-p', place.folder, '-e', 'stderr'], {
      env,
      ready: place.port,
      install: 'apt-get install nginx-light',
    }),
  limits: {
    'in place of `public` and `s-maxage`': '`private` stands beside them, and counts by the standard',
  },
};
