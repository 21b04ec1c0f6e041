import { startApacheServer } from '../../../support/web-servers.ts';
import type { Reader } from '../reader.ts';
import { type Place, startWithPorts } from './start.ts';

const settings = [
  { name: 'AllowEncodedSlashes off', lines: 'AllowEncodedSlashes Off' },
  { name: 'AllowEncodedSlashes on', lines: 'AllowEncodedSlashes On' },
  { name: 'AllowEncodedSlashes nodecode', lines: 'AllowEncodedSlashes NoDecode' },
  { name: 'MergeSlashes off', lines: 'AllowEncodedSlashes On\n  MergeSlashes Off' },
];

export const apache: Reader = {
  name: 'Apache',
  start: () =>
    startWithPorts(settings, (place) =>
      startApacheServer({
        folder: place.folder,
        modules: ['mpm_event', 'dir', 'mime'],
        text: configuration(place),
      }),
    ),
};

function configuration({ tree, ports }: Place): string {
  const hosts = settings.map(
    ({ lines }, index) => `Listen 127.0.0.1:${ports[index]}
<VirtualHost 127.0.0.1:${ports[index]}>
  ${lines}
</VirtualHost>`,
  );
  return `ErrorLog /dev/null
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
