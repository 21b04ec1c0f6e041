import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../../support/child.ts';
import type { Reader } from '../reader.ts';
import { type Place, startWithPorts, withServers } from './start.ts';

const settings = [
  { name: 'AllowEncodedSlashes off', lines: 'AllowEncodedSlashes Off' },
  { name: 'AllowEncodedSlashes on', lines: 'AllowEncodedSlashes On' },
  { name: 'AllowEncodedSlashes nodecode', lines: 'AllowEncodedSlashes NoDecode' },
  { name: 'MergeSlashes off', lines: 'AllowEncodedSlashes On\n  MergeSlashes Off' },
];

export const apache: Reader = {
  name: 'Apache',
  start: () =>
    startWithPorts(settings, async (place) => {
      const config = join(place.folder, 'apache.conf');
      await writeFile(config, configuration(place));
      return startChild('apache2', ['-f', config, '-DFOREGROUND'], {
        env: withServers(),
        // Written when everything is open; the port accepts connections before that.
        ready: () => existsSync(join(place.folder, 'apache.pid')),
        ownGroup: true,
        install: 'apt-get install apache2',
      });
    }),
};

function configuration({ folder, tree, ports }: Place): string {
  const modules = ['mpm_event', 'authz_core', 'dir', 'mime'].map(
    (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
  );
  // Apache refuses to answer requests as root.
  const user = process.getuid?.() === 0 ? 'User www-data\nGroup www-data\n' : '';
  const hosts = settings.map(
    ({ lines }, index) => `Listen 127.0.0.1:${ports[index]}
<VirtualHost 127.0.0.1:${ports[index]}>
  ${lines}
</VirtualHost>`,
  );
  return `${modules.join('\n')}
${user}ServerName 127.0.0.1
ServerRoot ${folder}
PidFile ${folder}/apache.pid
Mutex file:${folder}
ErrorLog /dev/null
StartServers 1
ServerLimit 2
ThreadsPerChild 25
MaxRequestWorkers 50
KeepAlive On
MaxKeepAliveRequests 0
TypesConfig /dev/null
DocumentRoot ${tree}
DirectoryIndex index.html
<Directory ${tree}>
  Require all granted
</Directory>
${hosts.join('\n')}
`;
}
