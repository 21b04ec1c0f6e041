import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../../support/child.ts';
import type { Reader } from '../reader.ts';
import { startWithPorts } from './start.ts';

const mouths = [
  { name: 'path', pace: { pipelined: 8 } },
  { name: 'files', pace: { pipelined: 8 } },
];

const program = `require 'webrick'
quiet = { BindAddress: '127.0.0.1', Logger: WEBrick::Log.new(File::NULL), AccessLog: [] }
path = WEBrick::HTTPServer.new(**quiet, Port: ARGV[0].to_i)
path.mount_proc('/') { |request, response| response.body = request.path.b }
files = WEBrick::HTTPServer.new(**quiet, Port: ARGV[1].to_i, DocumentRoot: ARGV[2])
Thread.new { files.start }
path.start
`;

export const webrick: Reader = {
  name: 'WEBrick',
  start: () =>
    startWithPorts(mouths, async ({ folder, tree, ports }) => {
      const script = join(folder, 'readers.rb');
      await writeFile(script, program);
      return startChild('ruby', [script, `${ports[0]}`, `${ports[1]}`, tree], {
        ready: ports[0] ?? 0,
        install: 'apt-get install ruby-webrick',
      });
    }),
};
