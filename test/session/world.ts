import { randomBytes } from 'node:crypto';
import { fastifyCookie } from '@fastify/cookie';
import fastify from 'fastify';
import { parseConfig } from '../../src/config/load.ts';
import { createHoldings, type Holdings } from '../../src/holdings.ts';
import { identifyPeople } from '../../src/identity/claims/person.ts';
import type { Emit } from '../../src/observe/events.ts';
import { gatewayCookies } from '../../src/session/cookie-names.ts';
import { createKeyRing } from '../../src/session/key-ring.ts';
import { openSessions } from '../../src/session/open-sessions.ts';
import type { Grant } from '../../src/session/outcome.ts';
import type { Session } from '../../src/session/session.ts';
import type { PrimaryCalls } from '../../src/session/shared/primary-calls.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';
import { unobserved } from '../support/observe.ts';
import { bareSession } from '../support/session.ts';

// Cookies can be written when the plugin is ready.
const app = fastify();
await app.register(fastifyCookie, { hook: false });
await app.ready();

export const oldSecret = randomBytes(32).toString('base64');
export const newSecret = randomBytes(32).toString('base64');

/** A process of the gateway, as far as it has sessions. */
export interface World {
  holdings: Holdings;
  clock: WoundClock;
  grant: Grant;
  /** Told of what happens. */
  emit?: Emit;
  /** Set in a worker. */
  primary?: PrimaryCalls;
}

export const createWorld = (
  grant: Grant = async () => ({ kind: 'unavailable', retryAfter: 1 }),
  primary?: PrimaryCalls,
): World => ({
  holdings: createHoldings(),
  clock: createWoundClock(),
  grant,
  ...(primary && { primary }),
});

/** The sessions of one plan, in the process of those before. */
export function plan(
  { holdings, clock, grant, primary, emit = unobserved.emit }: World,
  session: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
) {
  const { config } = parseConfig(
    JSON.stringify({
      publicUrl: 'http://127.0.0.1:1',
      provider: { issuer: 'http://127.0.0.1:2', clientId: 'gate', clientSecret: 'secret' },
      session: { secret: oldSecret, ...session },
      routes: [{ path: '/', upstream: 'http://127.0.0.1:3' }],
      ...more,
    }),
    { file: 'sallyport.yaml', env: {} },
  );
  const lease = holdings.lease();
  const opened = openSessions(config, {
    keep: lease.keep,
    cookies: gatewayCookies(config),
    ring: createKeyRing(config.session.secret),
    grant,
    identify: identifyPeople(config.providers),
    primary,
    redisCa: undefined,
    emit,
    clock,
    random: () => 0,
  });
  return { ...opened, release: lease.release };
}

export type Plan = ReturnType<typeof plan>;

export function sessionAt(clock: WoundClock, more: Partial<Session> = {}): Session {
  const now = Math.floor(clock.now() / 1000);
  return bareSession({
    id: randomBytes(9).toString('base64url'),
    accessTokenExpiresAt: now + 300,
    createdAt: now - 10,
    seenAt: now,
    expiresAt: now + 3600,
    ...more,
  });
}

export const headerOf = (lines: readonly string[]) => lines.map((line) => line.split(';')[0]).join('; ');
export const begin = async ({ sessions }: Plan, session: Session) =>
  headerOf(await sessions.begin(session, []));
export const standing = async ({ sessions }: Plan, header: string) => sessions.currentOf(header);

/** Whether somebody is signed out with it: there is no session, or one that was ended. */
export async function isSignedOut(plan: Plan, header: string): Promise<boolean> {
  const found = await standing(plan, header);
  return found === undefined || ('lapsed' in found && found.lapsed === 'ended');
}
