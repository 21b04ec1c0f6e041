import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Application, startOnFreePort } from './applications/application.ts';
import { type ChildOptions, startChild } from './child.ts';
import { startApacheServer, startNginxServer, withServers } from './web-servers.ts';

/** Where a front runs: its port of 127.0.0.1, and a folder for all that it writes. */
export interface FrontPlace {
  port: number;
  folder: string;
}

/** The text of a configuration, once the place is known. */
export type ConfigFor = (place: FrontPlace) => string | Promise<string>;

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
    return startChild(program, args, { env: withServers(), ready: place.port, ...options });
  });
}

/** Starts nginx. @param http what stands in `http` */
export function startNginxFront(http: ConfigFor): Promise<Application> {
  return startOnFreePort(async (port, folder) =>
    startNginxServer({ folder, port, http: await http({ port, folder }) }),
  );
}

/** Starts Apache with these of Debian's modules. @param text what stands behind `Listen` */
export function startApacheFront(modules: readonly string[], text: ConfigFor): Promise<Application> {
  return startOnFreePort(async (port, folder) =>
    startApacheServer({
      folder,
      modules: ['mpm_event', ...modules],
      text: `Listen 127.0.0.1:${port}\n${await text({ port, folder })}`,
    }),
  );
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
    { install: 'apt-get install caddy', env: { ...withServers(), HOME: folder } },
  ]);
}
