import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startChild } from '../child.ts';
import { type Application, startOnFreePort } from './application.ts';

/**
 * Starts Apache with PHP scripts that run as CGI programs, as older applications do.
 * @param scripts PHP source by file name; `form.cgi` is reached as `/form.cgi`
 * @param files content by path, served as it is
 */
export function startApache(
  scripts: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const root = join(folder, 'scripts');
    await mkdir(root);
    for (const [name, source] of Object.entries(scripts)) {
      await writeFile(join(root, name), `#!/usr/bin/env php-cgi\n${source}`, { mode: 0o755 });
    }
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), content);
    }
    const config = join(folder, 'apache.conf');
    await writeFile(config, configuration(port, folder, root));
    return startChild('apache2', ['-f', config, '-DFOREGROUND'], {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      // Written when everything is open; the port accepts connections before that.
      ready: () => existsSync(join(folder, 'apache.pid')),
      ownGroup: true,
      install: 'apt-get install apache2 php-cgi',
    });
  });
}

/** Debian's modules, and nothing else of the machine's configuration. */
function configuration(port: number, folder: string, root: string): string {
  const modules = ['mpm_prefork', 'authz_core', 'authz_host', 'cgi', 'env', 'mime'].map(
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
TypesConfig /dev/null
DocumentRoot ${root}
<Directory ${root}>
  Require all granted
  Options +ExecCGI
  AddHandler cgi-script .cgi
  # php-cgi wants to know that a server, not a person, calls it.
  SetEnv REDIRECT_STATUS 200
</Directory>
`;
}
