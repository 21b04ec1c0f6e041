import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startChild } from '../child.ts';
import { type Application, startOnFreePort } from './application.ts';

/**
 * Starts nginx over a folder with the given files: listings, ETag, ranges, all as nginx does by default.
 * @param files content by path
 */
export function startNginx(files: Readonly<Record<string, string | Buffer>>): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const root = join(folder, 'files');
    await mkdir(root);
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), content);
    }
    const config = join(folder, 'nginx.conf');
    await writeFile(config, configuration(port, folder, root));
    return startChild('nginx', ['-c', config, '-p', folder, '-e', 'stderr'], {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      ready: port,
      install: 'apt-get install nginx-light',
    });
  });
}

/** One process, everything in its own folder, nothing of the machine's configuration. */
function configuration(port: number, folder: string, root: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  ${temporary.join('\n  ')}
  access_log off;
  types { text/plain txt; text/html html; application/octet-stream bin; }
  server {
    listen 127.0.0.1:${port};
    root ${root};
    autoindex on;
  }
}
`;
}
