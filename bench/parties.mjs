import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../dist/test/support/free-port.js';
import { startProvider } from '../dist/test/support/provider.js';
import { startRedis } from '../dist/test/support/redis.js';
import { startParty } from './process.mjs';

/** The bodies that the upstream serves, by path. */
export const bodies = { '/1k': 1024, '/64k': 64 * 1024, '/10m': 10 * 1024 * 1024 };

const audience = 'https://api.example.com';

/**
 * Starts what stands around every proxy: an nginx with the answers, a sink for uploads and WebSockets, the
 * provider, and Redis.
 */
export async function startParties() {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  const [upstreamPort, sinkPort] = [await freePort(), await freePort()];
  const upstream = await startUpstream(folder, upstreamPort);
  const sinkFile = fileURLToPath(new URL('sink-server.mjs', import.meta.url));
  const sink = await startParty(process.execPath, [sinkFile, String(sinkPort)], {
    port: sinkPort,
    log: join(folder, 'sink.log'),
  });
  const provider = await startBenchProvider();
  const redis = await startRedis();
  return {
    folder,
    upstreamPort,
    sinkPort,
    provider,
    redis,
    audience,
    async stop() {
      await Promise.all([upstream.stop(), sink.stop(), provider.stop(), redis.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A provider whose access tokens are JWTs, as those of Keycloak and Entra ID are. */
export function startBenchProvider(ttl = { accessToken: 3600 }) {
  return startProvider({
    ttl,
    configuration: {
      features: {
        resourceIndicators: {
          enabled: true,
          defaultResource: async () => audience,
          getResourceServerInfo: async () => ({ scope: 'openid', audience, accessTokenFormat: 'jwt' }),
          useGrantedResource: async () => true,
        },
      },
    },
  });
}

async function startUpstream(folder, port) {
  const root = join(folder, 'answers');
  mkdirSync(root);
  for (const [path, size] of Object.entries(bodies)) writeFileSync(join(root, path), 'x'.repeat(size));
  const file = join(folder, 'upstream.conf');
  writeFileSync(
    file,
    `worker_processes 1;
daemon off;
pid ${folder}/upstream.pid;
error_log ${folder}/upstream.log;
${process.getuid() === 0 ? 'user root;' : ''}
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=10;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${root};
    default_type text/plain;
  }
}
`,
  );
  return startParty('nginx', ['-c', file], { port, log: join(folder, 'upstream.log') });
}
