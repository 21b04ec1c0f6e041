import type { Server as TlsServer } from 'node:tls';
import { type Clock, systemClock } from './clock.ts';
import type { Config, ListenAddress } from './config/schema/index.ts';
import { openGeneration } from './estate/generation.ts';
import { createLiveConnections } from './forward/live-connections.ts';
import { createHoldings } from './holdings.ts';
import { type AdminListener, startAdmin } from './listen/admin.ts';
import { keepDescriptors } from './listen/descriptors.ts';
import { peerAddress } from './listen/forwarded.ts';
import { listen } from './listen/listen.ts';
import { closeGracefully, graceMs, trackConnections } from './listen/shutdown.ts';
import { watchSilence } from './listen/silence.ts';
import { reloadCertificate } from './listen/tls.ts';
import type { Logger } from './observe/log.ts';
import { compilePlan } from './plan/plan.ts';
import { endSilentBody } from './request/ending.ts';
import { createHttpStages } from './request/http.ts';
import { handleUpgrades } from './request/upgrade.ts';
import type { PrimaryCalls } from './session/shared/primary-calls.ts';

export interface Gateway {
  /** Where it listens, such as `http://127.0.0.1:4180`. */
  url: string;
  adminUrl: string | undefined;
  /** Stops accepting, lets requests and sockets end within a limit, then closes. */
  close(): Promise<void>;
}

export interface GatewayNeeds {
  log: Logger;
  clock?: Clock;
  /** The line of a worker to its primary process. */
  primary?: PrimaryCalls | undefined;
}

/**
 * Builds the gateway from its configuration and starts to listen. The stages of a request, in order:
 *
 * 1. request/exchange.ts: request id, peer, host, path and route; what can be read in two ways is refused
 * 2. session/: who asks
 * 3. access/decide.ts: whether they may; a login, a refusal or the way on
 *    identity/upstream-token/: the token of an upstream that gets one of its own
 * 4. forward/: headers in, bodies both ways, headers out
 *
 * request/http.ts takes HTTP requests through them, request/upgrade.ts WebSocket handshakes. Rejects when an
 * address cannot be listened on or a file cannot be read.
 */
export async function startGateway(
  config: Config,
  { log, clock = systemClock, primary }: GatewayNeeds,
): Promise<Gateway> {
  const plan = compilePlan(config);
  const holdings = createHoldings();
  const lease = holdings.lease();
  const live = createLiveConnections(clock);
  const silence = watchSilence({ ...config.limits, idle: config.websocket.idle }, clock, {
    silentBody: (answer) => endSilentBody(generation.parts, generation.exchangeOf(answer.req), answer),
    cut: ({ remoteAddress }, limit) =>
      log.info(
        { peer: peerAddress(remoteAddress), limit: `limits.${limit}` },
        'a silent connection was closed',
      ),
  });
  const generation = openGeneration(plan, { lease, log, clock, primary, live, watch: silence });
  const { parts, exchangeOf } = generation;
  const { address, tls } = config.listen;
  const app = await createHttpStages(parts, exchangeOf, { tls, limits: config.limits });
  handleUpgrades(app.server, parts, exchangeOf);
  app.server.on(tls ? 'secureConnection' : 'connection', silence.add);
  const connections = trackConnections(app.server);
  keepDescriptors(app.server, log, clock);
  let stopping = false;
  let admin: AdminListener | undefined;
  let stopReloading: (() => void) | undefined;
  const close = async () => {
    stopping = true;
    stopReloading?.();
    const end = clock.monotonic() + graceMs;
    await closeGracefully(app, connections, log, clock);
    live.close();
    silence.close();
    await generation.close(end - clock.monotonic());
    await Promise.all([lease.release(), admin?.close()]);
  };
  const missing = () => [...(stopping ? ['the gateway is stopping'] : []), ...generation.missing()];

  try {
    admin = await startAdmin(config.admin.listen, log, { missing });
    const url = await listen(app, address);
    stopReloading = tls && reloadCertificate(app.server as unknown as TlsServer, tls, log);
    const listening = addressText(address) ?? url;
    log.info({ listen: listening, admin: admin?.url, publicUrl: config.publicUrl }, 'listening');
    return { url, adminUrl: admin?.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The address as it was configured: of `0.0.0.0`, the server itself names only one of its many. */
function addressText(address: ListenAddress): string | undefined {
  if ('path' in address) return `unix:${address.path}`;
  return address.port === 0 ? undefined : `${address.host}:${address.port}`;
}
