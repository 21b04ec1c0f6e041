import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, startChild } from '../child.ts';
import { startApacheServer, startNginxServer, writeFiles } from '../web-servers.ts';
import { type Application, startOnFreePort } from './application.ts';

/** A PHP application, and what its web server is told about it. */
interface PhpSite {
  /** PHP source by file name; `index.php` is reached as `/index.php`. */
  scripts: Readonly<Record<string, string>>;
  /** Lines of the server's own language, for the place where PHP is called. */
  directives?: string;
}

/** Starts nginx that calls PHP by FastCGI, as with PHP-FPM. */
export function startPhpBehindNginx({ scripts, directives = '' }: PhpSite): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const site = await preparePhp(folder, scripts);
    const http = nginxConfiguration(port, folder, directives);
    return besidePhp(site, () => startNginxServer({ folder, port, http }));
  });
}

/** Starts Apache that calls PHP by FastCGI, as with PHP-FPM. */
export function startPhpBehindApache({ scripts, directives = '' }: PhpSite): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const site = await preparePhp(folder, scripts);
    const modules = ['mpm_prefork', 'setenvif', 'proxy', 'proxy_fcgi'];
    const text = apacheConfiguration(port, folder, directives);
    return besidePhp(site, () => startApacheServer({ folder, modules, text }));
  });
}

/** Writes the scripts and starts PHP on a socket of the folder, with sessions of its own. */
async function preparePhp(folder: string, scripts: PhpSite['scripts']): Promise<Child> {
  await mkdir(join(folder, 'sessions'));
  await writeFiles(join(folder, 'site'), scripts);
  const socket = join(folder, 'php.sock');
  return startChild('php-cgi', ['-d', `session.save_path=${join(folder, 'sessions')}`, '-b', socket], {
    ready: () => existsSync(socket),
    install: 'apt-get install php-cgi',
  });
}

/** Starts the web server of a PHP that runs; the two end together. */
async function besidePhp(php: Child, startServer: () => Promise<Child>): Promise<Child> {
  const server = await startServer().catch(async (error: unknown) => {
    await php.stop();
    throw error;
  });
  return {
    ...server,
    async stop() {
      await server.stop();
      await php.stop();
    },
  };
}

const nginxConfiguration = (port: number, folder: string, directives: string) => `server {
  listen 127.0.0.1:${port};
  root ${folder}/site;
  location / {
    fastcgi_pass unix:${folder}/php.sock;
    include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    ${directives}
  }
}
`;

const apacheConfiguration = (port: number, folder: string, directives: string) => `Listen 127.0.0.1:${port}
StartServers 2
MinSpareServers 1
DocumentRoot ${folder}/site
<Directory ${folder}/site>
  Require all granted
  # PHP-FPM takes off the prefix of SCRIPT_FILENAME, php-cgi does not.
  ProxyFCGIBackendType GENERIC
  SetHandler "proxy:unix:${folder}/php.sock|fcgi://php"
  ${directives}
</Directory>
`;
