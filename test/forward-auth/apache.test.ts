import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { startChild } from '../support/child.ts';
import type { ProxyPlace } from './fronts/front.ts';
import { checkForwardAuth } from './scenario.ts';

const modules = ['mpm_event', 'authz_core', 'headers', 'lua', 'proxy', 'proxy_http'];

/** The documented virtual host, in the rest of what Apache needs to run in a folder of its own. */
async function apacheConfig({ port, folder, place }: ProxyPlace): Promise<string> {
  const address = /local host, port = "127\.0\.0\.1", 4180/;
  let script = '';
  const host = await place('apache.conf', (text) => {
    const gateway = /ProxyPass \/oauth2\/ http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
    script = `local host, port = "127.0.0.1", ${gateway}`;
    return text
      .replace('/etc/apache2/sallyport-apache.lua', join(folder, 'sallyport-apache.lua'))
      .replace('*:8080', `127.0.0.1:${port}`);
  });
  await place('sallyport-apache.lua', (text) => text.replace(address, script));
  // Apache refuses to answer requests as root.
  const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data\n' : '';
  const main = `${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
${user}ServerName 127.0.0.1
ServerRoot ${folder}
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
Mutex file:${folder}
ErrorLog ${folder}/error.log
LogLevel warn
Include ${host}
`;
  const file = join(folder, 'main.conf');
  await writeFile(file, main);
  return file;
}

test('Apache asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, async (place) =>
    startChild('apache2', ['-f', await apacheConfig(place), '-DFOREGROUND'], {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      // Written when everything is open; the port accepts connections before that.
      ready: () => existsSync(join(place.folder, 'apache.pid')),
      ownGroup: true,
      install: 'apt-get install apache2 lua-socket',
    }),
  ));
