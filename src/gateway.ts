import type { Server as TlsServer } from 'node:tls';
import { type Clock, systemClock } from './clock.ts';
import type { AssertionConfig, Config, ListenAddress, RouteConfig } from './config/schema/index.ts';
import { type Assertions, createAssertions } from './forward/assertion.ts';
import { createForwarder, type RouteExtras } from './forward/forwarder.ts';
import { type HeaderSet, headerSet, ownedNames } from './forward/header-set.ts';
import { createLiveConnections } from './forward/live-connections.ts';
import { createHoldings } from './holdings.ts';
import { createBearerClients } from './identity/bearer/clients.ts';
import { resourceMetadata, resourcesOf } from './identity/bearer/resource-metadata.ts';
import { collectNeeds } from './identity/claim-paths.ts';
import type { EndpointParts } from './identity/endpoints.ts';
import { createLoginCookies } from './identity/login/login-cookie.ts';
import { createLoginStates } from './identity/login/login-state.ts';
import { createOtherAccounts } from './identity/login/other-account.ts';
import { createRounds } from './identity/login/rounds.ts';
import { createUsedStates } from './identity/login/used-states.ts';
import { needsIdToken } from './identity/logout/end-session.ts';
import { createLogoutTokens } from './identity/logout/logout-token.ts';
import { connectProviders } from './identity/provider/providers.ts';
import { createGrants } from './identity/provider/refresh.ts';
import { refreshReach } from './identity/upstream-token/target.ts';
import { createUpstreamTokens } from './identity/upstream-token/tokens.ts';
import { type AdminListener, startAdmin } from './listen/admin.ts';
import { keepDescriptors } from './listen/descriptors.ts';
import { peerAddress } from './listen/forwarded.ts';
import { listen } from './listen/listen.ts';
import { compilePeers } from './listen/peer.ts';
import { sendAnswer } from './listen/server.ts';
import { closeGracefully, graceMs, trackConnections } from './listen/shutdown.ts';
import { watchSilence } from './listen/silence.ts';
import { reloadCertificate } from './listen/tls.ts';
import { keepSecrets, type Logger } from './observe/log.ts';
import { systemRandom } from './random.ts';
import { visitOf } from './request/admission.ts';
import { endSilentBody } from './request/ending.ts';
import { arrived, rememberExchanges } from './request/exchange.ts';
import { createHttpStages } from './request/http.ts';
import type { Parts } from './request/parts.ts';
import { createReturnCheck, createStepUpFinder } from './request/step-up.ts';
import { handleUpgrades } from './request/upgrade.ts';
import { compileHosts } from './routes/hosts.ts';
import { compileRoutes } from './routes/table.ts';
import { publicPath, removedPrefix } from './routes/upstream-path.ts';
import { gatewayCookies } from './session/cookie-names.ts';
import { createKeyRing } from './session/key-ring.ts';
import { openSessions } from './session/open-sessions.ts';
import type { PrimaryCalls } from './session/shared/primary-calls.ts';

export interface Gateway {
  /** Where it listens, such as `http://127.0.0.1:4180`. */
  url: string;
  adminUrl: string | undefined;
  /** Stops accepting, lets requests and sockets end within a limit, then closes. */
  close(): Promise<void>;
}

/** What refreshes under way get at the end at least, for their answer and to write it down. */
const shortestLastMs = 1000;

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
  keepSecrets(config.secrets);
  const { prefix } = config.endpoints;
  const table = compileRoutes(config);
  const hosts = compileHosts(config.publicUrl, table);
  const readPeer = compilePeers(config.trustedProxies, 'path' in config.listen.address);
  const reader = { readPeer, table, hosts, prefix };
  const exchangeOf = rememberExchanges(reader);

  const cookies = gatewayCookies(config);
  const ring = createKeyRing(config.session.secret);

  const headerSets = new Map<RouteConfig, HeaderSet>(
    table.routes.map((route) => [route, headerSet(config, route)]),
  );
  const configured = [config, ...table.routes].flatMap(({ assertion }) => assertion ?? []);
  const assertions = openAssertions(config, configured);
  const extras = new Map<RouteConfig, RouteExtras>();
  for (const [route, headers] of headerSets) {
    const assertion = route.assertion ?? config.assertion;
    const signed = assertion && { header: assertion.header, value: assertions.compile(assertion) };
    const toPublicPath = (path: string) => publicPath(route, path);
    extras.set(route, { headers, assertion: signed, prefix: removedPrefix(route), toPublicPath });
  }
  const owned = ownedNames(headerSets.values(), configured);
  const policy = { owned, ownsCookie: cookies.owns, hidesOwnCookie: cookies.hides };
  const live = createLiveConnections();
  const silence = watchSilence({ ...config.limits, idle: config.websocket.idle }, clock, {
    silentBody: (answer) => endSilentBody(parts, exchangeOf(answer.req), answer),
    cut: ({ remoteAddress }, limit) =>
      log.info(
        { peer: peerAddress(remoteAddress), limit: `limits.${limit}` },
        'a silent connection was closed',
      ),
  });
  const forwarder = createForwarder(extras, policy, {
    live,
    watch: silence,
    onOddTarget: ({ name }, error) =>
      log.warn({ target: name, reason: error.message }, 'answers of this target are repaired from now on'),
  });

  const templates = [...headerSets.values()].flatMap((set) => [...set.values()]);
  const { claimPaths, idToken } = collectNeeds(config, templates);
  const providers = connectProviders(config.providers, log);
  const grant = createGrants({ providers, claimPaths, log, clock });
  const lease = createHoldings().lease();
  const { sessions, revocations, shared, ...store } = openSessions(config, {
    keep: lease.keep,
    cookies,
    ring,
    grant,
    primary,
    log,
    clock,
    random: systemRandom,
  });
  revocations.onRevoked(() => live.endRevoked());

  const returnOrigins = new Set(config.publicUrl);
  const login: EndpointParts = {
    prefix,
    providers,
    sessions,
    log,
    cookies,
    loginStates: createLoginStates(ring, returnOrigins),
    loginCookies: createLoginCookies(cookies, ring),
    otherAccounts: createOtherAccounts(cookies, ring),
    rounds: createRounds(cookies, ring),
    reachOf: (provider) => refreshReach(config.routes, provider),
    usedStates: createUsedStates(shared),
    claimPaths,
    keepIdToken: (provider) => idToken || needsIdToken(provider),
    maxLifetime: config.session.maxLifetime,
    logoutTokens: createLogoutTokens(providers, shared.once),
    requirePost: config.signOut.requirePost,
    returnOrigins,
    isReadable: createReturnCheck(reader),
    visitOf: (request) => {
      const exchange = exchangeOf(request.raw);
      return visitOf(exchange, arrived(exchange));
    },
    findStepUp: createStepUpFinder(reader),
    send: sendAnswer,
  };

  const patience = Math.max(0, ...providers.all.map(({ config: { timeout } }) => timeout));
  const tokens = createUpstreamTokens({ providers, sessions, shared, ring, patience, log });
  const closeAtTokenExpiry = config.websocket.onExpiry === 'close';
  const keySet = configured.length > 0 ? () => assertions.keySet() : undefined;
  const bearer =
    config.bearer.length > 0
      ? createBearerClients({ config, claimPaths, once: shared.once, log }, clock)
      : undefined;
  const resources = new Map(
    [...resourcesOf(config)].map(([place, resource]) => [place, resourceMetadata(config, resource)]),
  );
  const parts: Parts = {
    reader,
    keySet,
    sessions,
    revocations,
    bearer,
    resources,
    closeAtTokenExpiry,
    login,
    tokens,
    forwarder,
    log,
  };
  const { address, tls } = config.listen;
  const app = await createHttpStages(parts, exchangeOf, { tls, limits: config.limits });
  handleUpgrades(app.server, parts, exchangeOf);
  app.server.on(tls ? 'secureConnection' : 'connection', silence.add);
  const connections = trackConnections(app.server);
  keepDescriptors(app.server, log);
  let stopping = false;
  let admin: AdminListener | undefined;
  let stopReloading: (() => void) | undefined;
  const close = async () => {
    stopping = true;
    stopReloading?.();
    const end = performance.now() + graceMs;
    await closeGracefully(app, connections, log);
    live.close();
    silence.close();
    // What was refreshed must be told, though nobody's request waits for it any more.
    await store.finish(Math.max(shortestLastMs, end - performance.now()));
    const closing = [forwarder, providers, admin, bearer];
    await Promise.all(closing.map((part) => part?.close()));
    await lease.release();
  };
  const missing = () => [
    ...(stopping ? ['the gateway is stopping'] : []),
    ...(providers.isReady() ? [] : ['the provider was not reached yet']),
    ...[store.problem() ?? []].flat(),
  ];

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

function openAssertions(config: Config, configured: readonly AssertionConfig[]): Assertions {
  return createAssertions({
    secrets: config.session.secret,
    issuer: config.publicUrl[0] ?? '',
    rotations: configured.map(({ rotation }) => rotation),
  });
}

/** The address as it was configured: of `0.0.0.0`, the server itself names only one of its many. */
function addressText(address: ListenAddress): string | undefined {
  if ('path' in address) return `unix:${address.path}`;
  return address.port === 0 ? undefined : `${address.host}:${address.port}`;
}
