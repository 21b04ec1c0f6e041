import { createHash } from 'node:crypto';
import { createBounded } from '../bounded.ts';
import { type Clock, within } from '../clock.ts';
import type { Config } from '../config/schema/index.ts';
import type { Keep } from '../holdings.ts';
import type { Emit } from '../observe/events.ts';
import { noTraces, type Traces } from '../observe/trace.ts';
import type { Random } from '../random.ts';
import type { GatewayCookies } from './cookie-names.ts';
import type { Found } from './found.ts';
import { fingerprintOf, type KeyRing, type SealingKey } from './key-ring.ts';
import { createOpenedCookies } from './opened-cookies.ts';
import type { Grant } from './outcome.ts';
import { createPeople, type People } from './people.ts';
import type { Identify } from './person-names.ts';
import { finishForOthers } from './refresh/finish.ts';
import { createRefresher } from './refresh/refresh.ts';
import { type SessionRevocations, sessionRevocations } from './revocation-keys.ts';
import { createRevocations, type Revocations } from './revocations.ts';
import type { Session } from './session.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { openShared } from './shared/open-shared.ts';
import { grantOfPrimary, type PrimaryCalls } from './shared/primary-calls.ts';
import type { CountDesk, Place, Shared } from './shared/shared.ts';
import { createCookieStore } from './stores/cookie-store.ts';
import { type CookieWriterOptions, createCookieWriter } from './stores/cookie-writer.ts';
import { createListed, type Listed } from './stores/listed.ts';
import type { SessionStore } from './stores/store.ts';
import { createTicketStore, type KnownTicket } from './stores/ticket-store.ts';
import { createNotedUses, type WriteUse } from './stores/uses.ts';
import type { Touches } from './stores/written.ts';

/** The port of this folder. */
export interface OpenedSessions {
  sessions: Sessions;
  /** For those who run the gateway. */
  people: People;
  /** Of all plans: whoever listens here for one plan takes the listener off with it. */
  revocations: SessionRevocations;
  shared: Shared;
  /** Where processes count together; undefined where this one is alone. */
  counts: CountDesk | undefined;
  /** Why nobody with a session can be served now, for people to read. */
  problem(): string | undefined;
  /** How the store stands, for whoever asks whether requests should be sent here. */
  standing(): StoreStanding;
  /**
   * Resolves when people with a session can be served: what is shared has answered, its sign-outs are known, and it was
   * told what this process holds. At once, where that is in this process; never while it cannot be reached, and
   * `problem` says why.
   */
  ready: Promise<void>;
  /** To be called when the plan is put in force: what outlives plans goes on with this one. */
  inForce(): void;
  /** Waits for what is under way, and for its being written, but no longer than this. */
  finish(withinMs: number): Promise<void>;
}

/** How the place stands that is shared with others. */
export interface StoreStanding {
  /** It has answered once, and the sign-outs from before the start are known: an outage from then on passes. */
  wasReady: boolean;
  /** What does not work now, by a stable name and for people to read. */
  trouble: { reason: string; detail: string } | undefined;
}

export interface SessionNeeds {
  /** What outlives a plan; when nobody needs it any more, it is closed with the last lease. */
  keep: Keep;
  cookies: GatewayCookies;
  ring: KeyRing;
  /** Asks the providers; a worker has its primary ask them. */
  grant: Grant;
  /** What a person is known by. */
  identify: Identify;
  /** A worker's line to its primary process. */
  primary: PrimaryCalls | undefined;
  traces?: Traces | undefined;
  /** What the file of `session.redis.ca` holds. */
  redisCa: string | undefined;
  emit: Emit;
  clock: Clock;
  random: Random;
}

/** Opens the session store that the configuration names, and what the processes have in common. */
export function openSessions(config: Config, needs: SessionNeeds): OpenedSessions {
  const { session, providers } = config;
  const { keep, primary, redisCa, emit, clock, random } = needs;
  const list = keep('revocations', 'this process', () => createRevocations(clock));
  const revocations = openRevocations(list, needs);
  const { place, shared, finish } = openShared(session, {
    ...{ keep, revocations: list, primary, redisCa, emit, clock },
  });
  // Said when they begin to be, and not by every plan that goes on so.
  if (session.store.kind === 'memory') {
    keep('sessions in memory', 'this process', () => emit({ kind: 'sessions-in-memory' }));
  }
  const refresher = createRefresher({
    shared,
    grant: tracedGrant(grantFor(config, needs), needs),
    longest: session.maxLifetime,
    settled: keep('settled turns', 'this process', () =>
      createBounded<string, true>({ entries: mostSettled }),
    ),
    clock,
    random,
  });
  const finisher = primary && finishForOthers(refresher, { primary, keep, clock });
  const { store, touches, listed } = openStore(config, needs, place);
  const { uses, writeUse } = openUses(store, needs);
  const lifetimes = lifetimesOf(session);
  const sessions = createSessions({
    store,
    refresher,
    revocations,
    bus: place.bus,
    lifetimes,
    touches,
    uses,
    impatient: keep('impatient sessions', 'this process', () => new WeakSet<Session>()),
    patience: Math.max(0, ...Object.values(providers).map(({ timeout }) => timeout)),
    emit,
    clock,
  });
  const { problem, ready, counts } = place;
  const standing = () => ({ wasReady: place.bus.knowsSignOuts(), trouble: place.trouble?.() });
  const inForce = () => {
    finisher?.goOnWith(refresher);
    uses.goOnWith(writeUse);
  };
  const { identify } = needs;
  const people = createPeople({ listed, sessions, revocations, lifetimes, identify, emit, clock });
  const finishAll = async (withinMs: number) => {
    const end = clock.monotonic() + withinMs;
    await within(clock, withinMs, uses.flush());
    await finish(Math.max(0, end - clock.monotonic()));
  };
  return {
    ...{ sessions, people, revocations, shared, counts, problem, standing, ready, inForce },
    finish: finishAll,
  };
}

/** What is noted outlives the plan under which a session was used. */
function openUses(store: SessionStore, { keep, clock }: SessionNeeds) {
  const writeUse: WriteUse = async (found, seenAt) => store.use?.(found, seenAt);
  const uses = keep(
    'noted uses',
    'this process',
    () => createNotedUses(writeUse, clock),
    ({ close }) => close(),
  );
  return { uses, writeUse };
}

const lifetimesOf = ({ idleTimeout, maxLifetime, onTokenExpiry }: Config['session']) => ({
  idle: Math.floor(idleTimeout / 1000),
  longest: Math.floor(maxLifetime / 1000),
  onTokenExpiry,
});

/** What is signed out under one plan is signed out for what was opened under another, whose secrets may be others. */
function openRevocations(list: Revocations, { keep, ring, identify }: SessionNeeds): SessionRevocations {
  const known = keep('naming keys', 'this process', () => new Set<SealingKey>());
  const own = (key: SealingKey) =>
    keep(
      'naming key',
      fingerprintOf([key]),
      () => {
        known.add(key);
        return key;
      },
      (unused) => void known.delete(unused),
    );
  const [first, ...others] = ring.people;
  return sessionRevocations(list, { keys: [own(first), ...others.map(own)], known, identify });
}

/** A worker has its primary ask, but for a provider that its own plan does not know any more. */
function grantFor({ providers }: Config, { primary, grant, traces = noTraces }: SessionNeeds): Grant {
  if (!primary) return grant;
  const ask = grantOfPrimary(primary, traces.carried);
  return async (session, renewal) =>
    Object.hasOwn(providers, session.provider) ? ask(session, renewal) : grant(session, renewal);
}

/** Turns whose outcome was delivered are remembered here. */
const mostSettled = 10_000;

/** Sessions in their cookies, or in a table with a ticket in the cookie. */
function openStore(
  { session }: Config,
  { keep, cookies, ring, identify, emit, clock }: SessionNeeds,
  place: Place,
): { store: SessionStore; touches: Touches; listed: Listed | undefined } {
  const { session: name, attributes } = cookies;
  const options: CookieWriterOptions = {
    name,
    attributes,
    maxBytes: session.maxCookieBytes,
    persistent: session.persistent,
  };
  const writer = createCookieWriter(options, clock);
  // A cookie that was opened with a secret that is gone must not stay open.
  const opened = `${name} ${fingerprintOf(ring.session)}`;
  // What was written for an answer has these attributes, and this form.
  const attributed = createHash('sha256')
    .update(JSON.stringify([options, session.form]))
    .digest('base64url');
  const touches = keep('touches', `${opened} ${attributed}`, (): Touches => new WeakMap());
  if (session.store.kind === 'cookie') {
    const known = keep('opened cookies', opened, () => createOpenedCookies<Found>(name));
    return { store: createCookieStore(writer, ring, known, emit, session.form), touches, listed: undefined };
  }
  const tickets = keep('opened tickets', opened, () => createOpenedCookies<KnownTicket>(name));
  const listed = createListed({ place, ring, identify, clock, form: session.form });
  const store = createTicketStore(writer, ring, place.sessions, listed, tickets, clock, session.form);
  return { store, touches, listed };
}

/** To ask the provider is a part of the request that does, for all that wait for it. */
const tracedGrant =
  (grant: Grant, { traces = noTraces }: Pick<SessionNeeds, 'traces'>): Grant =>
  (session, renewal) =>
    traces.part(renewal === 'claims' ? 'session.refresh_claims' : 'session.refresh', () =>
      grant(session, renewal),
    );
