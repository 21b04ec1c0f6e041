import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../../support/child.ts';
import { withServers } from '../../../support/web-servers.ts';
import type { Reader } from '../reader.ts';
import { type Place, startWithPorts } from './start.ts';

const decodeFirst = [
  'percent-decode-unreserved',
  'path-strip-dot',
  'path-strip-dotdot full',
  'path-merge-slashes',
];
const mergeFirst = ['path-merge-slashes', 'path-strip-dot', 'path-strip-dotdot', 'fragment-strip'];

const settings: { name: string; normalisers: string[]; path: string }[] = [
  { name: 'path', normalisers: [], path: 'path' },
  { name: 'path, decoded', normalisers: [], path: 'path,url_dec' },
  { name: 'normalisers', normalisers: decodeFirst, path: 'path' },
  { name: 'other normalisers', normalisers: mergeFirst, path: 'path' },
  { name: 'normalisers, then decoded', normalisers: decodeFirst, path: 'path,url_dec' },
];

export const haproxy: Reader = {
  name: 'HAProxy',
  start: () =>
    startWithPorts(settings, async (place) => {
      const config = join(place.folder, 'haproxy.cfg');
      await writeFile(config, configuration(place));
      return startChild('haproxy', ['-db', '-q', '-f', config], {
        env: withServers(),
        ready: place.ports[0] ?? 0,
        install: 'apt-get install haproxy',
      });
    }),
};

function configuration({ ports }: Place): string {
  const frontends = settings.map(
    ({ normalisers, path }, index) => `frontend f${index}
  bind 127.0.0.1:${ports[index]}
  ${normalisers.map((normaliser) => `http-request normalize-uri ${normaliser}`).join('\n  ')}
  http-request return status 200 content-type text/plain lf-string "%[${path}]"`,
  );
  return `global
  expose-experimental-directives
defaults
  mode http
  option accept-invalid-http-request
  timeout client 30s
  timeout http-request 30s
${frontends.join('\n')}
`;
}
