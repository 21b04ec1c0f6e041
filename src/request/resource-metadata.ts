import type { FastifyInstance } from 'fastify';
import { GatewayError } from '../errors.ts';
import { metadataKey, metadataPath } from '../identity/bearer/resource-metadata.ts';
import { arrived, type ExchangeOf } from './exchange.ts';
import type { Parts } from './parts.ts';

/** Serves the metadata of protected resources (RFC 9728 §3) at their well-known places, to everybody. */
export function registerResourceMetadata(
  app: FastifyInstance,
  { resources }: Pick<Parts, 'resources'>,
  exchangeOf: ExchangeOf,
): void {
  for (const url of [metadataPath, `${metadataPath}/*`]) {
    app.get(url, (request, reply) => {
      const { target, resolution } = arrived(exchangeOf(request.raw));
      const path = resolution.kind === 'endpoint' ? resolution.path : target.path;
      const metadata = resources.get(metadataKey(target.hostname, path));
      if (!metadata) throw new GatewayError('unknown_endpoint');
      // Clients that run in browsers come from any origin, and there is nothing here that is not for everybody.
      return reply
        .headers({ 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=300' })
        .send(metadata);
    });
    app.options(url, (_request, reply) =>
      reply
        .code(204)
        .headers({
          'access-control-allow-origin': '*',
          'access-control-allow-methods': 'GET',
          'access-control-allow-headers': '*',
        })
        .send(),
    );
  }
}
