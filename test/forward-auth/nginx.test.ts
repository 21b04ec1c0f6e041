import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { startChild } from '../support/child.ts';
import { checkForwardAuth, type ProxyPlace } from './scenario.ts';

/** The documented server, in the rest of what nginx needs to run in a folder of its own. */
async function nginxConfig({ port, folder, place }: ProxyPlace): Promise<string> {
  const server = await place('nginx.conf', (text) => text.replace('listen 8080', `listen 127.0.0.1:${port}`));
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

test('nginx asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, async (place) =>
    startChild('nginx', ['-c', await nginxConfig(place), '-p', place.folder, '-e', 'stderr'], {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      ready: place.port,
      install: 'apt-get install nginx-light',
    }),
  ));
