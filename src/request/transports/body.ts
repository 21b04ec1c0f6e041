import type { Inbound } from '../../listen/inbound.ts';

type Head = Pick<Inbound, 'method'> & { headers: Record<string, string | string[] | undefined> };

/**
 * Keeps Fastify from making anything of a body: it refuses types that it cannot read with 415, and a QUERY without one
 * with 400. This is what it looks at; an upstream gets the headers as they came (`rawHeaders`).
 */
export function hideBodyType({ method, headers }: Head): void {
  if (method !== 'GET' && method !== 'HEAD') headers['content-type'] = 'application/octet-stream';
}
