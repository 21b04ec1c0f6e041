import { startNginxServer } from '../../../support/web-servers.ts';
import type { Reader } from '../reader.ts';
import { type Place, startWithPorts } from './start.ts';

const mouths = [
  { name: 'files' },
  { name: 'files, merge_slashes off' },
  { name: '$uri' },
  { name: '$uri, merge_slashes off' },
  { name: 'proxy_pass with URI', pace: { pipelined: 8 } },
  { name: 'proxy_pass with URI, merge_slashes off', pace: { pipelined: 8 } },
  { name: 'proxy_pass with $uri', pace: { pipelined: 8 } },
];

export const nginx: Reader = {
  name: 'nginx',
  start: () =>
    startWithPorts(mouths, (place) =>
      startNginxServer({
        folder: place.folder,
        port: place.ports[0] ?? 0,
        http: configuration(place),
      }),
    ),
};

function configuration({ tree, ports }: Place): string {
  const behind = `http://127.0.0.1:${ports[2]}`;
  const servers = [
    `root ${tree}; index index.html;`,
    `merge_slashes off; root ${tree}; index index.html;`,
    'location / { return 200 "$uri"; }',
    'merge_slashes off; location / { return 200 "$uri"; }',
    // With a URI, even `/`, nginx sends the path that it has read, escaped anew; and here one more nginx reads it.
    `location / { proxy_pass ${behind}/; }`,
    `merge_slashes off; location / { proxy_pass ${behind}/; }`,
    // A well-known mistake: the decoded path is sent, and decoded again. Line breaks in it would be more requests.
    `location / { if ($uri ~ "[\\x01-\\x20\\x7f]") { return 400; } proxy_pass ${behind}$uri; }`,
  ];
  return `error_log /dev/null crit;
keepalive_requests 1000000;
default_type text/plain;
${servers.map((server, index) => `server { listen 127.0.0.1:${ports[index]}; ${server} }`).join('\n')}
`;
}
