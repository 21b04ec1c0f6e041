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
  const protocols = http2 ? '\t\tprotocols h1 h2c\n' : '';
  const global = `{\n\tadmin off\n\tstorage file_system ${folder}\n\tservers {\n${protocols}`;
  if (mode === 'asks') {
    return place.place('Caddyfile', (text) =>
      replaced(
        text,
        ['{\n\tservers {\n', global],
        ['http://127.0.0.1:8080', `http://127.0.0.1:${port}`],
        ['response_header_timeout 15s', 'response_header_timeout 1s'],
      ),
    );
  }
  const file = join(folder, 'Caddyfile');
  await writeFile(file, `${global}\t}\n}\n${terminator(gateway, port)}`);
  return file;
}

const say = (command: string, argument: string) => String(spawnSync(command, [argument]).stdout);

/** @param command the program */
function caddyOf(name: string, command: string): Front {
  return {
    name,
    // One that `go install` built knows its version as a module alone.
    version: () => /\bv?(2\.\d+\.\d+)/.exec(say(command, 'version') + say(command, 'build-info'))?.[1] ?? '',
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

/** Debian's. */
export const caddy: Front = caddyOf('Caddy', 'caddy');

/** The one that `npm run fronts` is given. */
export const currentCaddy: Front = caddyOf('Caddy, current', process.env.CADDY_BIN ?? 'caddy');
