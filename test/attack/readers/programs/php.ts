import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../../support/child.ts';
import type { Reader } from '../reader.ts';
import { startWithPorts } from './start.ts';

/** One connection a request: that is how PHP's own server works. */
const pace = { connections: 4, pipelined: 1 };

const install = 'apt-get install php-cli';

/** `php -S` over a folder; what it does not find it seeks in the folders above. */
export const phpFiles: Reader = {
  name: 'php -S, files',
  start: () =>
    startWithPorts([{ name: 'files', pace }], ({ tree, ports }) =>
      startChild('php', ['-S', `127.0.0.1:${ports[0]}`, '-t', tree], { ready: ports[0] ?? 0, install }),
    ),
};

/** How PHP applications find out what is asked for. `/x:1` is left out: parse_url takes it for a port. */
const router = `<?php
$uri = $_SERVER['REQUEST_URI'];
$cut = explode('?', $uri, 2)[0];
$parsed = parse_url($uri, PHP_URL_PATH);
if (!is_string($parsed) || strpos($uri, ':') !== false) $parsed = null;
$readings = [
  'SCRIPT_NAME' => $_SERVER['SCRIPT_NAME'] . ($_SERVER['PATH_INFO'] ?? ''),
  'rawurldecode' => rawurldecode($cut),
  'urldecode' => urldecode($cut),
  'urldecode, then cut' => explode('?', urldecode($uri), 2)[0],
  'parse_url' => $parsed,
  'parse_url, rawurldecode' => $parsed === null ? null : rawurldecode($parsed),
  'trim' => '/' . trim(rawurldecode($cut), '/'),
  'trim blanks' => '/' . trim(trim(urldecode($cut)), '/'),
];
header('Content-Type: application/json');
echo json_encode(array_map(fn($path) => $path === null ? null : mb_from($path), $readings));
// Each byte becomes one character, as the asking side has it.
function mb_from($bytes) { return utf8_encode($bytes); }
`;

export const phpRouter: Reader = {
  name: 'php -S, router script',
  start: () =>
    startWithPorts([{ name: 'router', pace }], async ({ folder, tree, ports }) => {
      const script = join(folder, 'router.php');
      await writeFile(script, router);
      const args = ['-d', 'error_reporting=0', '-S', `127.0.0.1:${ports[0]}`, '-t', tree, script];
      return startChild('php', args, { ready: ports[0] ?? 0, install });
    }),
};
