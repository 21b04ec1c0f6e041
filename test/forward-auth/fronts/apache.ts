import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startApacheServer, withServers } from '../../support/web-servers.ts';
import { type Front, type ProxyPlace, replaced } from './front.ts';

const modules = ['mpm_event', 'headers', 'lua', 'proxy', 'proxy_http'];

/** The least that ends connections in front of the gateway. */
const terminator = (gateway: string, port: number) => `LimitRequestFieldSize 65536
<VirtualHost 127.0.0.1:${port}>
  ProxyPreserveHost On
  AllowEncodedSlashes NoDecode
  MergeSlashes Off
  ProxyPass / http://${gateway}/ nocanon upgrade=websocket
</VirtualHost>
`;

/** The documented virtual host with its script. */
async function asking({ port, folder, gateway, place }: ProxyPlace): Promise<string> {
  const [host, at] = gateway.split(':');
  await place('sallyport-apache.lua', (text) =>
    replaced(
      text,
      ['local host, port = "127.0.0.1", 4180', `local host, port = "${host}", ${at}`],
      ['local patience = 15', 'local patience = 1'],
    ),
  );
  return place('apache.conf', (text) =>
    replaced(
      text,
      ['/etc/apache2/sallyport-apache.lua', join(folder, 'sallyport-apache.lua')],
      ['*:8080', `127.0.0.1:${port}`],
    ),
  );
}

export const apache: Front = {
  name: 'Apache',
  version: () =>
    /Apache\/(\S+)/.exec(
      String(spawnSync('apache2', ['-v'], { env: { ...process.env, ...withServers() } }).stdout),
    )?.[1] ?? '',
  async start(place, { mode, http2 = false }) {
    const { port, folder, gateway } = place;
    let host = join(folder, 'terminator.conf');
    if (mode === 'asks') host = await asking(place);
    else await writeFile(host, terminator(gateway, port));
    const protocols = http2 ? 'Protocols h2c http/1.1\nH2Direct on' : '';
    return startApacheServer({
      folder,
      modules: http2 ? [...modules, 'http2'] : modules,
      text: `Listen 127.0.0.1:${port}\n${protocols}\nInclude ${host}`,
      packages: 'apache2 lua-socket',
    });
  },
};
