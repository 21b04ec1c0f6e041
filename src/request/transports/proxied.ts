import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import { proxiedMethods } from '../../listen/methods.ts';
import type { Arrival } from '../outcome.ts';
import { hideBodyType } from './body.ts';
import type { EntryOf } from './entry.ts';
import { pass, transfer } from './render.ts';

const proxied: Arrival = { via: 'http' };

/** The routes of @fastify/http-proxy, and before them the hook that admits what may come to them. */
export async function registerProxied(scope: FastifyInstance, entryOf: EntryOf, url: string): Promise<void> {
  scope.addHook('onRequest', admit(entryOf));
  await scope.register(httpProxy, proxyOptions(entryOf, url));
}

/** Who was not admitted has an answer; their request ends here. */
function admit(entryOf: EntryOf): onRequestHookHandler {
  return ({ raw }, reply, done) => {
    pass(entryOf(raw), reply.raw, proxied, () => {
      hideBodyType(raw);
      done();
    });
  };
}

/**
 * The plugin begins our transfer, see docs/architecture.md for why it is ours. Its own would be safe too, should
 * anything come to it: of a name that never resolves (RFC 6761 §6.4), with certificates that are checked, once, and
 * with no header of either side.
 */
export function proxyOptions(entryOf: EntryOf, url: string): FastifyHttpProxyOptions & { websocket: false } {
  return {
    upstream: 'http://upstream.invalid',
    routes: [url],
    httpMethods: [...proxiedMethods],
    handler: ({ raw }: FastifyRequest, reply) => {
      reply.hijack();
      transfer(entryOf(raw), reply.raw);
    },
    websocket: false,
    http2: false,
    undici: { connect: { rejectUnauthorized: true } },
    disableCache: true,
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    replyOptions: {
      rewriteRequestHeaders: () => ({}),
      rewriteHeaders: () => ({}),
      retryDelay: () => null,
    },
  };
}
