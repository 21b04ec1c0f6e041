import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../../support/child.ts';
import type { Reader } from '../reader.ts';
import { startWithPorts } from './start.ts';

const mouths = [
  { name: 'http.server', pace: { pipelined: 8 } },
  { name: 'WSGI', pace: { pipelined: 1 } },
];

/**
 * The file server answers with the file that it would open, so that no error page closes the connection. The WSGI
 * application answers with what frameworks route by.
 */
const program = `import json, posixpath, sys, threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, unquote_plus, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

class Files(SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *args): pass
    def do_GET(self):
        place = self.translate_path(self.path)[len(self.directory):] or '/'
        body = place.encode('utf-8', 'surrogateescape')
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Quiet(WSGIRequestHandler):
    def log_message(self, *args): pass

def cut(path):
    return urlsplit('http://host' + path).path if path.startswith('/') else None

def application(environ, start_response):
    path = environ['PATH_INFO']
    readings = {
        'PATH_INFO': path,
        'normpath': posixpath.normpath(path),
        'decoded again': unquote(path, 'latin-1'),
        'unquote_plus': unquote_plus(path, 'latin-1'),
        'urlsplit': cut(path),
        'strip': '/' + path.strip('/').strip(),
        'backslashes': posixpath.normpath(path.replace(chr(92), '/')),
    }
    body = json.dumps(readings).encode()
    start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', str(len(body)))])
    return [body]

files, wsgi, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
class Below(Files):
    def __init__(self, *args): super().__init__(*args, directory=folder)
server = make_server('127.0.0.1', wsgi, application, handler_class=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
ThreadingHTTPServer(('127.0.0.1', files), Below).serve_forever()
`;

export const python: Reader = {
  name: 'Python',
  start: () =>
    startWithPorts(mouths, async ({ folder, tree, ports }) => {
      const script = join(folder, 'readers.py');
      await writeFile(script, program);
      return startChild('python3', [script, `${ports[0]}`, `${ports[1]}`, tree], {
        ready: ports[0] ?? 0,
        install: 'apt-get install python3',
      });
    }),
};
