import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../dist/test/support/free-port.js';
import { startServer } from '../process.mjs';

/** Proxies that ask nobody who they are: the limit of what a proxy can be. */

/** nginx with keep-alive to its upstreams and its standard access log. */
export const nginx = {
  name: 'nginx, bare',
  async start({ folder, upstreamPort, sinkPort }) {
    const port = await freePort();
    const file = join(folder, `nginx-${port}.conf`);
    writeFileSync(
      file,
      `worker_processes 1;
daemon off;
pid ${folder}/nginx-${port}.pid;
error_log ${folder}/nginx-${port}-error.log;
${process.getuid() === 0 ? 'user root;' : ''}
events { worker_connections 8192; }
http {
  access_log ${folder}/nginx-${port}-access.log;
  client_body_temp_path ${folder}/nginx-${port}-body;
  proxy_temp_path ${folder}/nginx-${port}-proxy;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  upstream answers { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 1000000000; }
  upstream sink { server 127.0.0.1:${sinkPort}; keepalive 128; keepalive_requests 1000000000; }
  proxy_http_version 1.1;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header Upgrade $http_upgrade;
    location / { proxy_pass http://answers; }
    location /upload { proxy_request_buffering off; proxy_pass http://sink; }
    location /ws { proxy_pass http://sink; }
  }
}
`,
    );
    const log = join(folder, `nginx-${port}.log`);
    return { ...(await startServer('nginx', ['-c', file], { port, log })), port, headers: {} };
  },
};

/** HAProxy without a log: its own goes to syslog, which is another process. */
export const haproxy = {
  name: 'HAProxy, bare',
  async start({ folder, upstreamPort, sinkPort }) {
    const port = await freePort();
    const file = join(folder, `haproxy-${port}.cfg`);
    writeFileSync(
      file,
      `global
  maxconn 8192
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
  option http-keep-alive
frontend public
  bind 127.0.0.1:${port} backlog 4096
  use_backend sink if { path /upload } or { path /ws }
  default_backend answers
backend answers
  http-reuse always
  server one 127.0.0.1:${upstreamPort}
backend sink
  http-reuse always
  server one 127.0.0.1:${sinkPort}
`,
    );
    const log = join(folder, `haproxy-${port}.log`);
    return { ...(await startServer('haproxy', ['-f', file, '-db'], { port, log })), port, headers: {} };
  },
};
