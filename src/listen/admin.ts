import fastify, { type FastifyInstance } from 'fastify';
import type { ListenAddress } from '../config/schema/index.ts';
import type { Emit } from '../observe/events.ts';
import { listen } from './listen.ts';

/** What the gateway's surroundings ask of it, on an address of its own. */
export interface Health {
  /** Empty when requests can be served; else what is missing, for people to read. */
  missing(): string[];
}

/**
 * `/healthz`: the process runs. `/readyz`: it can serve, 200; or 503 with what is missing.
 */
function createAdminServer(health: Health): FastifyInstance {
  const admin = fastify({ logger: false, forceCloseConnections: true });
  admin.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
  });
  admin.get('/healthz', async () => ({ status: 'ok' }));
  admin.get('/readyz', async (_request, reply) => {
    const missing = health.missing();
    return missing.length === 0
      ? { status: 'ok' }
      : reply.code(503).header('retry-after', '1').send({ status: 'unavailable', missing });
  });
  return admin;
}

export interface AdminListener {
  url: string;
  close(): Promise<void>;
}

const standardPort = 4181;

/**
 * Starts the admin endpoints. A second gateway on one machine finds the standard port taken: it runs without
 * them and says so; an address that somebody else holds and that was chosen is an error.
 */
export async function startAdmin(
  address: ListenAddress | 'off',
  emit: Emit,
  health: Health,
): Promise<AdminListener | undefined> {
  if (address === 'off') return undefined;
  const admin = createAdminServer(health);
  try {
    return { url: await listen(admin, address), close: () => admin.close() };
  } catch (error) {
    const isStandard = 'port' in address && address.port === standardPort;
    if (!isStandard || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    emit({ kind: 'admin-port-taken', port: standardPort });
    return undefined;
  }
}
