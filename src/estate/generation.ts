import type { Clock } from '../clock.ts';
import { type Assertions, createAssertions } from '../forward/assertion.ts';
import { openForwarder } from '../forward/forwarder.ts';
import type { LiveConnections } from '../forward/live-connections.ts';
import type { SocketWatch } from '../forward/tunnel.ts';
import type { Lease } from '../holdings.ts';
import { createBearerClients } from '../identity/bearer/clients.ts';
import type { EndpointParts } from '../identity/endpoints.ts';
import { createLoginCookies } from '../identity/login/login-cookie.ts';
import { createLoginStates } from '../identity/login/login-state.ts';
import { createOtherAccounts } from '../identity/login/other-account.ts';
import { createRounds } from '../identity/login/rounds.ts';
import { createUsedStates } from '../identity/login/used-states.ts';
import { needsIdToken } from '../identity/logout/end-session.ts';
import { createLogoutTokens } from '../identity/logout/logout-token.ts';
import { connectProviders } from '../identity/provider/providers.ts';
import { createGrants } from '../identity/provider/refresh.ts';
import { refreshReach } from '../identity/upstream-token/target.ts';
import { createUpstreamTokens } from '../identity/upstream-token/tokens.ts';
import { sendAnswer } from '../listen/server.ts';
import type { Logger } from '../observe/log.ts';
import type { Plan } from '../plan/plan.ts';
import { visitOf } from '../request/admission.ts';
import { arrived, rememberExchanges } from '../request/exchange.ts';
import type { Parts } from '../request/parts.ts';
import { createReturnCheck, createStepUpFinder } from '../request/step-up.ts';
import { openSessions } from '../session/open-sessions.ts';
import type { PrimaryCalls } from '../session/shared/primary-calls.ts';

/** What everything that is opened for a plan gets beside the plan. */
export interface GenerationNeeds {
  lease: Lease;
  log: Logger;
  clock: Clock;
  /** The line of a worker to its primary process. */
  primary: PrimaryCalls | undefined;
  live: LiveConnections;
  watch: SocketWatch;
}

/** One plan at work: what it decides with, over the things that outlive it. */
export interface Generation {
  plan: Plan;
  parts: Parts;
  exchangeOf: ReturnType<typeof rememberExchanges>;
  /** What is missing before requests can be served, in sentences. */
  missing(): string[];
  /**
   * Takes it off the things that go on without it. What it alone needed is closed with its lease.
   * @param withinMs what refreshes under way get, for their answer and to write it down
   */
  close(withinMs: number): Promise<void>;
}

/** Opens what a plan needs. Throws when a file that it names cannot be used. */
export function openGeneration(plan: Plan, needs: GenerationNeeds): Generation {
  const { config, claims, reader } = plan;
  const { lease, log, clock, primary, live, watch } = needs;
  log.keepSecrets(config.secrets);
  const providers = connectProviders(config.providers, log);
  const grant = createGrants({ providers, claimPaths: claims.claimPaths, log, clock });
  const { cookies, ring } = plan;
  const opened = openSessions(config, { cookies, ring, grant, primary, log, clock });
  const { sessions, revocations, shared } = opened;
  const forget = revocations.onRevoked(() => live.endRevoked());
  const assertions = keepAssertions(plan, lease, clock);
  const forwarder = openForwarder(plan.routes, {
    keep: lease.keep,
    clock,
    assertions,
    live,
    watch,
    onOddTarget: ({ name }, error) =>
      log.warn({ target: name, reason: error.message }, 'answers of this target are repaired from now on'),
  });
  const bearer =
    config.bearer.length > 0
      ? createBearerClients({ config, claimPaths: claims.claimPaths, once: shared.once, log }, clock)
      : undefined;
  const patience = Math.max(0, ...providers.all.map(({ config: { timeout } }) => timeout));
  const tokens = createUpstreamTokens({ providers, sessions, shared, ring, patience, log });
  const exchangeOf = rememberExchanges(reader);
  const login: EndpointParts = {
    prefix: reader.prefix,
    providers,
    sessions,
    log,
    cookies,
    loginStates: createLoginStates(ring, plan.origins),
    loginCookies: createLoginCookies(cookies, ring),
    otherAccounts: createOtherAccounts(cookies, ring),
    rounds: createRounds(cookies, ring),
    reachOf: (provider) => refreshReach(config.routes, provider),
    usedStates: createUsedStates(shared),
    claimPaths: claims.claimPaths,
    keepIdToken: (provider) => claims.idToken || needsIdToken(provider),
    maxLifetime: config.session.maxLifetime,
    logoutTokens: createLogoutTokens(providers, shared.once),
    requirePost: config.signOut.requirePost,
    returnOrigins: plan.origins,
    isReadable: createReturnCheck(reader),
    visitOf: (request) => {
      const exchange = exchangeOf(request.raw);
      return visitOf(exchange, arrived(exchange));
    },
    findStepUp: createStepUpFinder(reader),
    send: sendAnswer,
  };
  const parts: Parts = {
    reader,
    keySet: plan.assertions.length > 0 ? () => assertions.keySet() : undefined,
    sessions,
    revocations,
    bearer,
    resources: plan.resources,
    closeAtTokenExpiry: config.websocket.onExpiry === 'close',
    login,
    tokens,
    forwarder,
    log,
  };
  return {
    plan,
    parts,
    exchangeOf,
    missing: () => [
      ...(providers.isReady() ? [] : ['the provider was not reached yet']),
      ...[shared.problem() ?? []].flat(),
    ],
    async close(withinMs) {
      forget();
      // What was refreshed must be told, though nobody's request waits for it any more.
      await shared.close(Math.max(shortestLastMs, withinMs));
      await Promise.all([providers.close(), bearer?.close()]);
    },
  };
}

/** What refreshes under way get at the end at least, for their answer and to write it down. */
const shortestLastMs = 1000;

/** The keys of the signed assertion follow from the secrets: the same secrets have the same keys. */
function keepAssertions({ config, assertions, ring }: Plan, { keep }: Lease, clock: Clock): Assertions {
  const issuer = config.publicUrl[0] ?? '';
  const rotations = assertions.map(({ rotation }) => rotation);
  const secrets = ring.session.map(({ id }) => id.toString('hex'));
  return keep('assertion keys', JSON.stringify([issuer, rotations, secrets]), () =>
    createAssertions({ secrets: config.session.secret, issuer, rotations }, clock.now),
  );
}
