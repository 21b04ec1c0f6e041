import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import { type Front, type Mode, type ProxyPlace, replaced } from './front.ts';

const command = process.env.TRAEFIK_BIN ?? 'traefik';

/** The least that ends connections in front of the gateway. */
const terminator = (gateway: string) => `http:
  routers:
    public:
      rule: "PathPrefix(\`/\`)"
      service: sallyport
  services:
    sallyport:
      loadBalancer:
        servers:
          - url: http://${gateway}
`;

async function configure({ port, folder, gateway, place }: ProxyPlace, mode: Mode): Promise<string> {
  let dynamic = join(folder, 'terminator.yaml');
  if (mode === 'terminates') await writeFile(dynamic, terminator(gateway));
  else {
    dynamic = await place('traefik-dynamic.yaml', (text) =>
      // On http, cookies have no prefix.
      replaced(text, [/^ +tls: \{\}\n/, ''], ['__Host-', '']),
    );
  }
  const quiet = 'global: { checkNewVersion: false, sendAnonymousUsage: false }\n';
  return place('traefik.yaml', (text) =>
    replaced(
      quiet + text,
      ['":8443"', `"127.0.0.1:${port}"`],
      ['/etc/traefik/traefik-dynamic.yaml', dynamic],
    ),
  );
}

export const traefik: Front = {
  name: 'Traefik',
  version: () => /Version:\s+(\S+)/.exec(String(spawnSync(command, ['version']).stdout))?.[1] ?? '',
  // HTTP/2 in clear text is told by its first bytes.
  start: async (place, { mode }) =>
    startChild(command, [`--configFile=${await configure(place, mode)}`], {
      cwd: place.folder,
      ready: async () => {
        const answer = await fetch(`http://127.0.0.1:${place.port}/open`).catch(() => undefined);
        return answer !== undefined && answer.status !== 404;
      },
      install: 'see docs/forward-auth.md',
    }),
  limits: {
    'a refreshed session with an answer that caches may keep: `private`':
      'the application’s own headers: it adds none to answers with a cookie',
    'in place of `public` and `s-maxage`':
      'the application’s own headers: it adds none to answers with a cookie',
    'an unknown host: our page, 421': 'its own 404: a router is for the hosts of its rule',
  },
};
