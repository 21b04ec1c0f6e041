import type { Clock } from '../clock.ts';
import type { Emit } from '../observe/events.ts';
import { isOver, type Lifetimes } from './lifetime.ts';
import { type Identify, meantBy } from './person-names.ts';
import type { RevocationTarget, SessionRevocations } from './revocation-keys.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { Listed, ListedEntry } from './stores/listed.ts';

/** A session, for those who run the gateway. Times are seconds since the epoch. */
export interface ListedSession {
  /** It opens nothing: what opens a session is in its cookie alone. */
  id: string;
  provider: string;
  subject: string;
  /** What the user header says where that is not the subject, or else the user name. */
  user: string | undefined;
  email: string | undefined;
  createdAt: number;
  /** The last request, as far as it was written down. */
  seenAt: number;
  expiresAt: number;
}

/**
 * The sessions of people, for those who run the gateway. A person is named by the subject, the user name or what the
 * user header says, as it is; or by the email address, whose letter case does not count. Who is meant at several
 * providers is meant at all of them.
 */
export interface People {
  /** `none` with sessions in cookies: they are with the browsers, and can only be ended. */
  listing: 'all' | 'none';
  /** The newest first; none with sessions in cookies. Rejects with GatewayError 503 when the store is out. */
  list(user: string): Promise<ListedSession[]>;
  /**
   * Ends a session by its id; false where none is known by it (with sessions in cookies nobody can know). Rejects with
   * GatewayError 503 when not everybody could be told; this process knows it all the same.
   */
  end(id: string): Promise<boolean>;
  /**
   * Ends all sessions of a person that began before now, those that are not listed too; gives how many were listed
   * (undefined with sessions in cookies). Rejects as `end` does.
   */
  endAll(user: string): Promise<number | undefined>;
}

export interface PeopleNeeds {
  /** Undefined with sessions in cookies. */
  listed: Listed | undefined;
  sessions: Pick<Sessions, 'revoke'>;
  revocations: SessionRevocations;
  lifetimes: Lifetimes;
  identify: Identify;
  emit: Emit;
  clock: Pick<Clock, 'now'>;
}

const reason = 'ended by those who run the gateway';

export function createPeople(needs: PeopleNeeds): People {
  const { listed, sessions, revocations, lifetimes, emit, clock } = needs;
  const isAlive = ({ session }: ListedEntry) =>
    !isOver(session, lifetimes, Math.floor(clock.now() / 1000)) && !revocations.isRevoked(session);
  const aliveOf = async (user: string) => {
    const alive: ListedEntry[] = [];
    if (!listed) return alive;
    for await (const entry of listed.find(user)) if (isAlive(entry)) alive.push(entry);
    return alive;
  };

  /** A sign-out holds for sessions that are not listed, and on every process; of those in the table nothing stays. */
  const end = async (
    targets: RevocationTarget[],
    finding: Promise<ListedEntry[]>,
  ): Promise<ListedEntry[]> => {
    const [found] = await Promise.allSettled([finding]);
    const done = await Promise.allSettled(targets.map((target) => sessions.revoke(target)));
    const entries = found.status === 'fulfilled' ? found.value : [];
    // The sign-out is what counts.
    if (listed) await inTurn(entries, (entry) => listed.remove(entry).catch(() => {}));
    for (const { session } of entries)
      emit({ kind: 'session-ended', ...whose(session), by: 'operator', reason });
    for (const each of [found, ...done]) if (each.status === 'rejected') throw each.reason;
    return entries;
  };

  return {
    listing: listed ? 'all' : 'none',
    async list(user) {
      const all = (await aliveOf(user)).map(({ session }) => listedSession(session, needs));
      return all.sort((a, b) => b.createdAt - a.createdAt);
    },
    async end(id) {
      if (id === '') return false;
      const finding = async () => [(await listed?.get(id)) ?? []].flat().filter(isAlive);
      const ended = await end([{ kind: 'session', id }], finding());
      if (!listed) emit({ kind: 'sessions-ended', sessionId: cut(id), sessions: undefined });
      return !listed || ended.length > 0;
    },
    async endAll(user) {
      const targets = meantBy(user).map((name): RevocationTarget => ({ kind: 'person', name }));
      const ended = await end(targets, aliveOf(user));
      const number = listed && ended.length;
      if (targets.length > 0) emit({ kind: 'sessions-ended', user: cut(user), sessions: number });
      return number;
    },
  };
}

function listedSession(session: Session, { identify }: Pick<PeopleNeeds, 'identify'>): ListedSession {
  const { id, provider, subject, createdAt, seenAt, expiresAt } = session;
  const { user, email } = identify(session);
  return { id, provider, subject, user, email, createdAt, seenAt, expiresAt };
}

const whose = ({ provider, subject, id }: Session) => ({ provider, subject, sessionId: id });

/** Anything may be asked for; what is longer names nobody. */
const mostTold = 256;
const cut = (text: string) => (text.length > mostTold ? `${text.slice(0, mostTold)}…` : text);

/** So many at a time: others wait behind them. */
const batch = 200;

async function inTurn<T>(all: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < all.length; start += batch)
    await Promise.all(all.slice(start, start + batch).map(each));
}
