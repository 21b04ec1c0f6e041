import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema/index.ts';
import type { Logger } from '../observe/log.ts';
import type { GatewayCookies } from './cookie-names.ts';
import type { KeyRing } from './key-ring.ts';
import { createRefresher, type Grant, type Refresher } from './refresh.ts';
import { createRevocations, type Revocations } from './revocations.ts';
import type { Session } from './session.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createLocalShared } from './shared/local.ts';
import { gatewayNameVariable } from './shared/messages.ts';
import { grantOfPrimary, type PrimaryCalls } from './shared/primary-calls.ts';
import { createRedisShared } from './shared/redis.ts';
import type { ClaimDesk, Shared } from './shared/shared.ts';
import { createWorkerShared } from './shared/worker.ts';
import { createCookieStore } from './stores/cookie-store.ts';
import { createCookieWriter } from './stores/cookie-writer.ts';
import type { SessionStore } from './stores/store.ts';
import { createTicketStore } from './stores/ticket-store.ts';

export interface OpenedSessions {
  sessions: Sessions;
  revocations: Revocations;
  shared: Shared & ClaimDesk;
}

export interface SessionNeeds {
  cookies: GatewayCookies;
  ring: KeyRing;
  /** Asks the providers; a worker has its primary ask them. */
  grant: Grant;
  /** A worker's line to its primary process. */
  primary: PrimaryCalls | undefined;
  log: Logger;
  clock: Clock;
}

/** Opens the session store that the configuration names, and what the processes have in common. */
export function openSessions(
  config: Config,
  { cookies, ring, grant, primary, log, clock }: SessionNeeds,
): OpenedSessions {
  const { session, providers } = config;
  const revocations = createRevocations();
  const shared = openShared(config, revocations, { primary, log, clock });
  const writer = createCookieWriter(
    {
      name: cookies.session,
      attributes: cookies.attributes,
      maxBytes: session.maxCookieBytes,
      persistent: session.persistent,
    },
    clock.now,
  );
  const store: SessionStore =
    session.store.kind === 'cookie'
      ? createCookieStore(writer, ring, log)
      : createTicketStore(writer, ring, shared.sessions, clock.now);
  if (session.store.kind === 'memory') {
    log.warn('sessions are kept in memory: a restart of the gateway signs everybody out');
  }
  const refresher = createRefresher(
    shared,
    primary ? grantOfPrimary(primary) : grant,
    session.maxLifetime,
    clock,
  );
  if (primary) finishForOthers(primary, refresher);
  const sessions = createSessions({
    store,
    refresher,
    revocations,
    shared,
    lifetimes: {
      idle: Math.floor(session.idleTimeout / 1000),
      longest: Math.floor(session.maxLifetime / 1000),
      onTokenExpiry: session.onTokenExpiry,
    },
    patience: Math.max(0, ...Object.values(providers).map(({ timeout }) => timeout)),
    log,
    now: clock.now,
  });
  return { sessions, revocations, shared };
}

/** For as long as the primary keeps the answer. */
const finishAgainMs = 500;
const mostFinishes = 600;

/** What a worker had begun when it ended; the primary has the answer, and this one tells everybody of it. */
function finishForOthers(primary: PrimaryCalls, refresher: Refresher): void {
  const finish = (session: Session, triesLeft: number) => {
    // Nobody's request waits for it. The outcome leads on whoever comes with the tokens of before.
    refresher
      .refresh(session, async () => false)
      .catch(() => {
        // The store is out, or this process has only begun to reach it.
        if (triesLeft > 0) setTimeout(finish, finishAgainMs, session, triesLeft - 1).unref();
      });
  };
  primary.onMessage((message) => {
    if (message.kind === 'finish') finish(message.session, mostFinishes);
  });
  primary.join();
}

function openShared(
  { session }: Config,
  revocations: Revocations,
  { primary, log, clock }: Pick<SessionNeeds, 'primary' | 'log' | 'clock'>,
): Shared & ClaimDesk {
  const url = session.store.kind === 'redis' ? session.store.url : session.redis.url;
  if (url !== undefined) {
    const { keyPrefix, ca, timeout } = session.redis;
    const gateway = primary && process.env[gatewayNameVariable];
    return createRedisShared({ url, keyPrefix, ca, timeout, gateway }, revocations, log);
  }
  return primary ? createWorkerShared(primary, revocations) : createLocalShared(revocations, clock.monotonic);
}
