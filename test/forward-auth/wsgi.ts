import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { type Application, startOnFreePort } from '../support/applications/application.ts';
import { startChild } from '../support/child.ts';
import type { UpstreamHandler } from '../support/upstream.ts';

/** Says what an application of WSGI sees of a request: "-" and "_" in names are one there. */
const program = `
import json, sys
from wsgiref.simple_server import make_server, WSGIRequestHandler

class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass

def application(environ, start_response):
    seen = {name: value for name, value in environ.items() if name.startswith('HTTP_')}
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps(seen).encode()]

make_server('127.0.0.1', int(sys.argv[1]), application, handler_class=Quiet).serve_forever()
`;

export function startWsgi(): Promise<Application> {
  return startOnFreePort(async (port, folder) => {
    const file = join(folder, 'application.py');
    await writeFile(file, program);
    return startChild('python3', [file, String(port)], { ready: port, install: 'apt-get install python3' });
  });
}

/** Hands a request on to it, with every header as it came. */
export function toWsgi(wsgi: Application): UpstreamHandler {
  const { hostname, port } = new URL(wsgi.url);
  return (incoming, response) => {
    const { method, url, rawHeaders } = incoming;
    const kept = rawHeaders.flatMap((name, at) =>
      at % 2 === 0 && !/^(connection|transfer-encoding|content-length|expect|upgrade)$/i.test(name)
        ? [name, rawHeaders[at + 1] ?? '']
        : [],
    );
    incoming.resume();
    const headers = [...kept, 'Connection', 'close', 'Content-Length', '0'];
    const onward = request({ hostname, port, method, path: url, headers, setHost: false, agent: false });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 0, { 'content-type': 'application/json' });
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    onward.end();
  };
}
