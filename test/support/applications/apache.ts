import { join } from 'node:path';
import { startApacheServer, writeFiles } from '../web-servers.ts';
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
    const programs = Object.entries(scripts).map(([name, source]) => [
      name,
      `#!/usr/bin/env php-cgi\n${source}`,
    ]);
    await writeFiles(root, Object.fromEntries(programs), 0o755);
    await writeFiles(root, files);
    return startApacheServer({
      folder,
      modules: ['mpm_prefork', 'authz_host', 'cgi', 'env', 'mime'],
      text: configuration(port, root),
      packages: 'apache2 php-cgi',
    });
  });
}

const configuration = (port: number, root: string) => `Listen 127.0.0.1:${port}
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
