import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startChild } from '../child.ts';
import { type Application, startOnFreePort } from './application.ts';

/**
 * Starts `python3 -m http.server` over a folder with the given files.
 * @param files content by path
 */
export function startPythonServer(files: Readonly<Record<string, string | Buffer>>): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    const args = ['-m', 'http.server', String(port), '--bind', '127.0.0.1', '--directory', folder];
    return startChild('python3', args, { ready: port, install: 'apt-get install python3' });
  });
}
