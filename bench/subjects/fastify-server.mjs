// A process of its own for subjects/fastify.mjs. Arguments: its port, the upstream's and the sink's.
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';

const [port, upstream, sink] = process.argv.slice(2).map(Number);
const app = fastify({ logger: false });
await app.register(httpProxy, {
  upstream: `http://127.0.0.1:${sink}`,
  prefix: '/upload',
  rewritePrefix: '/upload',
  disableRequestLogging: true,
});
await app.register(httpProxy, {
  upstream: `http://127.0.0.1:${sink}`,
  prefix: '/ws',
  rewritePrefix: '/ws',
  websocket: true,
  disableRequestLogging: true,
});
await app.register(httpProxy, { upstream: `http://127.0.0.1:${upstream}`, disableRequestLogging: true });
await app.listen({ port, host: '127.0.0.1' });
