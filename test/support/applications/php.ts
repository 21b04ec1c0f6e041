import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, startChild } from '../child.ts';
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
    const config = join(folder, 'nginx.conf');
    await writeFile(config, nginxConfiguration(port, folder, directives));
    return besidePhp(site, () =>
      startChild('nginx', ['-c', config, '-p', folder, '-e', 'stderr'], {
        env: withServers(),
        ready: port,
        install: 'apt-get install nginx-light',
      }),
    );
  });
}

/** Starts Apache that calls PHP by FastCGI, as with PHP-FPM. */
export function startPhpBehindApache({ scripts, directives = '' }: PhpSite): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const site = await preparePhp(folder, scripts);
    const config = join(folder, 'apache.conf');
    await writeFile(config, apacheConfiguration(port, folder, directives));
    return besidePhp(site, () =>
      startChild('apache2', ['-f', config, '-DFOREGROUND'], {
        env: withServers(),
        // Written when everything is open; the port accepts connections before that.
        ready: () => existsSync(join(folder, 'apache.pid')),
        ownGroup: true,
        install: 'apt-get install apache2',
      }),
    );
  });
}

/** Servers live in /usr/sbin, which is on root's PATH only. */
const withServers = () => ({ PATH: `${process.env.PATH}:/usr/sbin` });

/** Writes the scripts and starts PHP on a socket of the folder, with sessions of its own. */
async function preparePhp(folder: string, scripts: PhpSite['scripts']): Promise<Child> {
  for (const below of ['site', 'sessions']) await mkdir(join(folder, below));
  for (const [name, source] of Object.entries(scripts)) await writeFile(join(folder, 'site', name), source);
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

function nginxConfiguration(port: number, folder: string, directives: string): string {
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
  server {
    listen 127.0.0.1:${port};
    root ${folder}/site;
    location / {
      fastcgi_pass unix:${folder}/php.sock;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      ${directives}
    }
  }
}
`;
}

function apacheConfiguration(port: number, folder: string, directives: string): string {
  const modules = ['mpm_prefork', 'authz_core', 'setenvif', 'proxy', 'proxy_fcgi'].map(
    (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
  );
  // Apache refuses to answer requests as root.
  const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data\n' : '';
  return `${modules.join('\n')}
${user}ServerName 127.0.0.1
ServerRoot ${folder}
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
Mutex file:${folder}
ErrorLog ${folder}/error.log
LogLevel warn
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
}
