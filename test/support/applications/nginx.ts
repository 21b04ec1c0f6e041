import { join } from 'node:path';
import { startNginxServer, writeFiles } from '../web-servers.ts';
import { type Application, startOnFreePort } from './application.ts';

/**
 * Starts nginx over a folder with the given files: listings, ETag, ranges, all as nginx does by default.
 * @param files content by path
 */
export function startNginx(files: Readonly<Record<string, string | Buffer>>): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const root = join(folder, 'files');
    await writeFiles(root, files);
    return startNginxServer({ folder, port, http: configuration(port, root) });
  });
}

const configuration = (port: number, root: string) => `
types { text/plain txt; text/html html; application/octet-stream bin; }
server {
  listen 127.0.0.1:${port};
  root ${root};
  autoindex on;
}
`;
