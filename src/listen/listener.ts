import type { Server } from 'node:http';
import { createSecureContext, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { type Clock, waitFor } from '../clock.ts';
import type { Config, ListenAddress } from '../config/schema/index.ts';
import { KeyError, type ReadFile } from '../files.ts';
import type { Emit } from '../observe/events.ts';
import { listenAddressText } from './address-text.ts';
import type { ConnectionRules } from './connection-limits.ts';
import { keepDescriptors } from './descriptors.ts';
import { listen } from './listen.ts';
import { markUnix } from './peer.ts';
import {
  type Connections,
  closeGracefully,
  endWithAnswers,
  readBeforeClose,
  trackConnections,
} from './shutdown.ts';
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
  /** How many connections there may be. */
  connections: ConnectionRules;
  shutdown: Config['shutdown'];
  /** The certificate with its key; undefined without TLS. */
  certificate: SecureContextOptions | undefined;
}

/** Throws when a file of a certificate cannot be read, or does not fit its key. */
export function planListeners(
  { listen: listeners, limits, shutdown }: Pick<Config, 'listen' | 'limits' | 'shutdown'>,
  read: ReadFile,
  isTrusted: ConnectionRules['isTrusted'],
): readonly ListenPlan[] {
  const connections = { ...limits, isTrusted };
  return listeners.map(({ address, tls }, index) => {
    const key = JSON.stringify([address, tls !== undefined, tls?.clientCertificates]);
    const place = listeners.length === 1 ? 'listen.tls' : `listen[${index}].tls`;
    const certificate = tls && usableCertificate(tls, place, read);
    return { address, name: nameOf(address), tls, limits, connections, shutdown, key, certificate };
  });
}

/** What OpenSSL says of a file that it cannot use names neither the file nor the key of the configuration. */
function usableCertificate(tls: TlsConfig, place: string, read: ReadFile): SecureContextOptions {
  const options = readTlsOptions(tls, read);
  try {
    createSecureContext(options);
    return options;
  } catch (error) {
    const { message } = error as Error;
    throw new KeyError(place, `${tls.cert} cannot be used with the key ${tls.key}: ${message}`);
  }
}

/** An address on which the gateway takes requests. It outlives the plans that decide about them. */
export interface Listener {
  /** Where it can be reached, such as `http://127.0.0.1:4180`. */
  url: string;
  /** As it was configured: of `0.0.0.0`, the server itself names only one of its many. */
  name: string;
  /** Takes the certificate and the time-outs of another plan. */
  apply(plan: ListenPlan): void;
  /**
   * Takes no more connections; those that are open go on for as long as they need. Resolves when another listener can
   * have the address.
   */
  leave(): Promise<void>;
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
  const { end, close } = createEnd(app, connections, {
    emit,
    clock,
    begin() {
      stopReloading?.();
      drain();
    },
    longest: () => timeout,
  });
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
      leave() {
        void end(longestStayMs);
        return untilFree(server, clock);
      },
      drain,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface EndNeeds extends Pick<ListenerNeeds, 'emit' | 'clock'> {
  begin(): void;
  /** The milliseconds that requests get at a close of which nothing else is said. */
  longest(): number;
}

/** Ends once, however often it is asked to, and cuts what is left when the last one asks. */
function createEnd(
  app: FastifyInstance,
  connections: Connections,
  { emit, clock, begin, longest }: EndNeeds,
) {
  let ending: Promise<void> | undefined;
  const end = (withinMs: number) => {
    begin();
    ending ??= closeGracefully(app, connections, { emit, clock, withinMs });
    return ending;
  };
  return {
    end,
    async close(left = longest) {
      const withinMs = left();
      if (ending) await cutAfter(withinMs, connections, { clock, ending });
      else await end(withinMs);
    },
  };
}

/** Longer than any connection; what timers of Node.js can wait for. */
const longestStayMs = 2 ** 31 - 1;
const lookEveryMs = 5;

async function untilFree(server: Server, clock: Clock): Promise<void> {
  while (server.listening) await waitFor(clock, lookEveryMs);
}

/** Waits for connections that were left to themselves, but no longer than this. */
async function cutAfter(
  withinMs: number,
  { accepted }: Connections,
  { clock, ending }: { clock: Clock; ending: Promise<void> },
): Promise<void> {
  const limit = clock.after(withinMs, () => {
    for (const socket of accepted) socket.destroy();
  });
  await ending;
  limit.cancel();
}

function nameOf(address: ListenAddress): string | undefined {
  return 'port' in address && address.port === 0 ? undefined : listenAddressText(address);
}
