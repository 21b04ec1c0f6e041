import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../dist/test/support/free-port.js';
import { startServer } from '../process.mjs';

const file = fileURLToPath(new URL('fastify-server.mjs', import.meta.url));

/** Fastify with @fastify/http-proxy as it comes, without log and session: the floor of the framework. */
export const stockPlugin = {
  name: '@fastify/http-proxy, bare',
  async start({ folder, upstreamPort, sinkPort }) {
    const port = await freePort();
    const log = join(folder, `fastify-${port}.log`);
    const args = [file, ...[port, upstreamPort, sinkPort].map(String)];
    return {
      ...(await startServer(process.execPath, args, { port, log })),
      port,
      headers: {},
      isOnNode: true,
    };
  },
};
