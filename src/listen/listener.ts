import type { Server } from 'node:http';
import { createSecureContext, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Config, ListenAddress } from '../config/schema/index.ts';
import type { ReadFile } from '../files.ts';
import type { Emit } from '../observe/events.ts';
import { keepDescriptors } from './descriptors.ts';
import { listen } from './listen.ts';
import { markUnix } from './peer.ts';
import { closeGracefully, endWithAnswers, readBeforeClose, trackConnections } from './shutdown.ts';
import type { SilenceWatch } from './silence.ts';
import { readTlsOptions, reloadCertificate, type TlsConfig } from './tls.ts';

/** An address to listen on, and how, with what its files hold. */
export interface ListenPlan {
  address: ListenAddress;
  /** As it was configured; undefined where the system chooses the port. */
  name: string | undefined;
  tls: TlsConfig | undefined;
  /** What cannot change while the address is open. */
  key: string;
  limits: Config['limits'];
  shutdown: Config['shutdown'];
  /** The certificate with its key; undefined without TLS. */
  certificate: SecureContextOptions | undefined;
}

/** Throws when a file of a certificate cannot be read, or does not fit its key. */
export function planListeners(
  { listen: listeners, limits, shutdown }: Pick<Config, 'listen' | 'limits' | 'shutdown'>,
  read: ReadFile,
): readonly ListenPlan[] {
  return listeners.map(({ address, tls }) => {
    const key = JSON.stringify([address, tls !== undefined, tls?.clientCertificates]);
    const certificate = tls && readTlsOptions(tls, read);
    if (certificate) createSecureContext(certificate);
    return { address, name: nameOf(address), tls, limits, shutdown, key, certificate };
  });
}

/** An address on which the gateway takes requests. It outlives the plans that decide about them. */
export interface Listener {
  /** Where it can be reached, such as `http://127.0.0.1:4180`. */
  url: string;
  /** As it was configured: of `0.0.0.0`, the server itself names only one of its many. */
  name: string;
  /** Takes the certificate and the time-outs of another plan. */
  apply(plan: ListenPlan): void;
  /** Gives the address free at once; the connections that are open stay. */
  leaveAddress(): void;
  /** From now on every answer ends its connection; requests are still taken. */
  drain(): void;
  /**
   * Drains, stops accepting, and lets requests and sockets end.
   * @param left the milliseconds that they get; without it, the `shutdown.timeout` of its last plan
   */
  close(left?: () => number): Promise<void>;
}

export interface ListenerNeeds {
  emit: Emit;
  clock: Clock;
  watch: Pick<SilenceWatch, 'add'>;
}

/** Starts to listen. Rejects, with nothing left open, when the address cannot be listened on. */
export async function openListener(
  app: FastifyInstance,
  plan: ListenPlan,
  { emit, clock, watch }: ListenerNeeds,
): Promise<Listener> {
  const server = app.server as Server & Partial<TlsServer>;
  const connected = plan.tls ? 'secureConnection' : 'connection';
  server.on(connected, watch.add);
  if ('path' in plan.address) server.on(connected, markUnix);
  const connections = trackConnections(server, plan.tls !== undefined);
  keepDescriptors(server, emit, clock);
  readBeforeClose(app);
  let files = JSON.stringify(plan.tls);
  const reload = ({ tls }: ListenPlan) => tls && reloadCertificate(server as TlsServer, tls, emit);
  let stopReloading: (() => void) | undefined;
  let { timeout } = plan.shutdown;
  let isDraining = false;
  const drain = () => {
    if (!isDraining) endWithAnswers(server, connections);
    isDraining = true;
  };
  const close = async (left = () => timeout) => {
    stopReloading?.();
    drain();
    await closeGracefully(app, connections, { emit, clock, withinMs: left() });
  };
  try {
    const url = await listen(app, plan.address);
    stopReloading = reload(plan);
    return {
      url,
      name: plan.name ?? url,
      apply(next) {
        server.headersTimeout = next.limits.headerTime;
        server.keepAliveTimeout = next.limits.keepAlive;
        timeout = next.shutdown.timeout;
        if (next.certificate) server.setSecureContext?.(next.certificate);
        if (JSON.stringify(next.tls) === files) return;
        files = JSON.stringify(next.tls);
        stopReloading?.();
        stopReloading = reload(next);
      },
      leaveAddress: () => void server.close(),
      drain,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function nameOf(address: ListenAddress): string | undefined {
  if ('path' in address) return `unix:${address.path}`;
  return address.port === 0 ? undefined : `${address.host}:${address.port}`;
}
