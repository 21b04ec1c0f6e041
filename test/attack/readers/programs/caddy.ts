import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../../support/child.ts';
import type { Reader } from '../reader.ts';
import { places } from '../tree.ts';
import { type Place, startWithPorts } from './start.ts';

const mouths = [{ name: 'files' }, { name: 'path' }, { name: 'path matchers' }];

export const caddy: Reader = {
  name: 'Caddy',
  start: () =>
    startWithPorts(mouths, async (place) => {
      const config = join(place.folder, 'Caddyfile');
      await writeFile(config, configuration(place));
      const { folder } = place;
      return startChild('caddy', ['run', '--config', config, '--adapter', 'caddyfile'], {
        env: { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
        ready: place.ports[0] ?? 0,
        install: 'apt-get install caddy',
      });
    }),
};

function configuration({ tree, ports }: Place): string {
  const site = (index: number, lines: string) =>
    `http://:${ports[index]} {\n  bind 127.0.0.1\n  ${lines}\n}\n`;
  // The first that matches answers, so the deepest come first.
  const matchers = places.map(
    (place, index) =>
      `@p${index} path ${place} ${place}/*\n  handle @p${index} {\n    respond * "${place}"\n  }`,
  );
  return `{
  admin off
  auto_https off
  log {
    output discard
  }
}
${site(0, `root * ${tree}\n  file_server`)}
${site(1, 'respond "{http.request.uri.path}"')}
${site(2, matchers.join('\n  '))}
`;
}
