import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Application, startOnFreePort } from './applications/application.ts';
import { type ChildOptions, startChild } from './child.ts';

/** Where a front runs: its port of 127.0.0.1, and a folder for all that it writes. */
export interface FrontPlace {
  port: number;
  folder: string;
}

/** The text of a configuration, once the place is known. */
export type ConfigFor = (place: FrontPlace) => string | Promise<string>;

const env = { PATH: `${process.env.PATH}:/usr/sbin` };

function startFront(
  configFor: ConfigFor,
  name: string,
  command: (file: string, place: FrontPlace) => [string, string[], Partial<ChildOptions>],
): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const place = { port, folder };
    const file = join(place.folder, name);
    await writeFile(file, await configFor(place));
    const [program, args, options] = command(file, place);
    return startChild(program, args, { env, ready: place.port, ...options });
  });
}

/** Starts nginx: one process, everything in its own folder. @param http what stands in `http` */
export function startNginxFront(http: ConfigFor): Promise<Application> {
  const main: ConfigFor = async (place) => {
    const { folder } = place;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    return `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr warn;
events { worker_connections 512; }
http { ${temporary.join(' ')} access_log off;
${await http(place)}
}
`;
  };
  return startFront(main, 'main.conf', (file, { folder }) => [
    'nginx',
    ['-c', file, '-p', folder, '-e', 'stderr'],
    { install: 'apt-get install nginx-light' },
  ]);
}

/** Starts Apache with these of Debian's modules. @param text what stands behind `Listen`; undefined where it is there */
export function startApacheFront(modules: readonly string[], text: ConfigFor): Promise<Application> {
  const main: ConfigFor = async (place) => {
    const { folder, port } = place;
    const load = ['mpm_event', 'authz_core', ...modules].map(
      (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
    );
    // Apache refuses to answer requests as root.
    const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data\n' : '';
    return `${load.join('\n')}
${user}ServerName 127.0.0.1
ServerRoot ${folder}
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
Mutex file:${folder}
ErrorLog ${folder}/error.log
LogLevel warn
${await text(place)}
`;
  };
  return startFront(main, 'main.conf', (file, { folder }) => [
    'apache2',
    ['-f', file, '-DFOREGROUND'],
    {
      // Written when everything is open; the port accepts connections before that.
      ready: () => existsSync(join(folder, 'apache.pid')),
      ownGroup: true,
      install: 'apt-get install apache2',
    },
  ]);
}

/** Starts Varnish with a program in its language. */
export function startVarnish(vcl: ConfigFor): Promise<Application> {
  return startFront(vcl, 'cache.vcl', (file, { folder, port }) => [
    'varnishd',
    [
      '-F',
      '-j',
      'none',
      '-f',
      file,
      '-a',
      `127.0.0.1:${port}`,
      '-n',
      join(folder, 'work'),
      '-s',
      'malloc,64m',
    ],
    { install: 'apt-get install varnish', ownGroup: true },
  ]);
}

export function startHaproxyFront(text: ConfigFor): Promise<Application> {
  return startFront(text, 'haproxy.cfg', (file) => [
    'haproxy',
    ['-db', '-f', file],
    { install: 'apt-get install haproxy' },
  ]);
}

/** @param command another Caddy than Debian's */
export function startCaddyFront(text: ConfigFor, command = 'caddy'): Promise<Application> {
  return startFront(text, 'Caddyfile', (file, { folder }) => [
    command,
    ['run', '--adapter', 'caddyfile', '--config', file],
    { install: 'apt-get install caddy', env: { ...env, HOME: folder } },
  ]);
}
