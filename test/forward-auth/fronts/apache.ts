import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import { type Front, type Mode, type ProxyPlace, replaced } from './front.ts';

const env = { PATH: `${process.env.PATH}:/usr/sbin` };
const modules = ['mpm_event', 'authz_core', 'headers', 'lua', 'proxy', 'proxy_http'];

/** The least that ends connections in front of the gateway. */
const terminator = (gateway: string, port: number) => `LimitRequestFieldSize 65536
<VirtualHost 127.0.0.1:${port}>
  ProxyPreserveHost On
  AllowEncodedSlashes NoDecode
  MergeSlashes Off
  ProxyPass / http://${gateway}/ nocanon upgrade=websocket
</VirtualHost>
`;

/** The documented virtual host with its script. */
async function asking({ port, folder, gateway, place }: ProxyPlace): Promise<string> {
  const [host, at] = gateway.split(':');
  await place('sallyport-apache.lua', (text) =>
    replaced(
      text,
      ['local host, port = "127.0.0.1", 4180', `local host, port = "${host}", ${at}`],
      ['local patience = 15', 'local patience = 1'],
    ),
  );
  return place('apache.conf', (text) =>
    replaced(
      text,
      ['/etc/apache2/sallyport-apache.lua', join(folder, 'sallyport-apache.lua')],
      ['*:8080', `127.0.0.1:${port}`],
    ),
  );
}

/** The virtual host, in the rest of what Apache needs to run in a folder of its own. */
async function configure(place: ProxyPlace, mode: Mode, http2: boolean): Promise<string> {
  const { port, folder, gateway } = place;
  let host = join(folder, 'terminator.conf');
  if (mode === 'asks') host = await asking(place);
  else await writeFile(host, terminator(gateway, port));
  // Apache refuses to answer requests as root.
  const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data\n' : '';
  const loaded = [...modules, ...(http2 ? ['http2'] : [])];
  const main = `${loaded.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
${user}ServerName 127.0.0.1
ServerRoot ${folder}
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
Mutex file:${folder}
ErrorLog ${folder}/error.log
LogLevel warn
${http2 ? 'Protocols h2c http/1.1\nH2Direct on' : ''}
Include ${host}
`;
  const file = join(folder, 'main.conf');
  await writeFile(file, main);
  return file;
}

export const apache: Front = {
  name: 'Apache',
  version: () =>
    /Apache\/(\S+)/.exec(
      String(spawnSync('apache2', ['-v'], { env: { ...process.env, ...env } }).stdout),
    )?.[1] ?? '',
  start: async (place, { mode, http2 = false }) =>
    startChild('apache2', ['-f', await configure(place, mode, http2), '-DFOREGROUND'], {
      env,
      // Written when everything is open; the port accepts connections before that.
      ready: () => existsSync(join(place.folder, 'apache.pid')),
      ownGroup: true,
      install: 'apt-get install apache2 lua-socket',
    }),
};
