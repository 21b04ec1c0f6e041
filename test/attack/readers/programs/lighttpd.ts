import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../../support/child.ts';
import { withServers } from '../../../support/web-servers.ts';
import type { Reader } from '../reader.ts';
import { startWithPorts } from './start.ts';

export const lighttpd: Reader = {
  name: 'lighttpd',
  start: () =>
    startWithPorts([{ name: 'files' }], async ({ folder, tree, ports }) => {
      const config = join(folder, 'lighttpd.conf');
      await writeFile(
        config,
        `server.port = ${ports[0]}
server.bind = "127.0.0.1"
server.document-root = "${tree}"
server.max-keep-alive-requests = 0
server.errorlog = "/dev/null"
index-file.names = ( "index.html" )
`,
      );
      return startChild('lighttpd', ['-D', '-f', config], {
        env: withServers(),
        ready: ports[0] ?? 0,
        install: 'apt-get install lighttpd',
      });
    }),
};
