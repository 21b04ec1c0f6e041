import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import { type Front, type Mode, type ProxyPlace, replaced } from './front.ts';

/** The least that ends connections in front of the gateway. */
const terminator = (gateway: string, port: number) =>
  `http://127.0.0.1:${port} {\n\treverse_proxy ${gateway}\n}\n`;

async function configure(place: ProxyPlace, mode: Mode, http2: boolean): Promise<string> {
  const { port, folder, gateway } = place;
  const protocols = http2 ? '\tservers {\n\t\tprotocols h1 h2c\n\t}\n' : '';
  const global = `{\n\tadmin off\n\tstorage file_system ${folder}\n${protocols}}\n`;
  if (mode === 'asks') {
    return place.place('Caddyfile', (text) =>
      replaced(
        global + text,
        ['http://127.0.0.1:8080', `http://127.0.0.1:${port}`],
        ['response_header_timeout 15s', 'response_header_timeout 1s'],
      ),
    );
  }
  const file = join(folder, 'Caddyfile');
  await writeFile(file, global + terminator(gateway, port));
  return file;
}

/** @param command the program; Debian's unless another is given */
export function caddyOf(command: string): Front {
  return {
    name: 'Caddy',
    version: () => /\d+\.\d+\S*/.exec(String(spawnSync(command, ['version']).stdout))?.[0] ?? '',
    start: async (place, { mode, http2 = false }) =>
      startChild(
        command,
        ['run', '--adapter', 'caddyfile', '--config', await configure(place, mode, http2)],
        {
          env: { HOME: place.folder },
          ready: place.port,
          install: 'apt-get install caddy',
        },
      ),
    limits: {
      'an unknown host: our page, 421': 'an empty answer: a site is for the hosts of its address',
    },
  };
}

export const caddy: Front = caddyOf('caddy');
