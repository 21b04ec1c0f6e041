import { createHash } from 'node:crypto';
import { createBounded } from '../bounded.ts';
import type { Clock } from '../clock.ts';
import type { Session } from './session.ts';

/** What ends sessions from outside: one session, all of a provider's sign-in, or all of a person. */
export type RevocationTarget =
  | { kind: 'session'; id: string }
  | { kind: 'sid'; provider: string; sid: string }
  | { kind: 'subject'; provider: string; subject: string };

export interface Revocation {
  /** Which sessions: a text that every process makes alike. */
  key: string;
  /** Sessions that began at or before this are over; seconds since the epoch. */
  before: number;
  /** After this no session can be left that it is about; seconds since the epoch. */
  until: number;
  /**
   * The one who ended it could prove to be allowed to, by a session or a signed token. Others can only claim
   * it, by a name that is hard to guess; their entries never push out proven ones.
   */
  proven: boolean;
}

/** The list of sessions that were ended before their time. Bounded, and looked at on every request. */
export interface Revocations {
  add(revocation: Revocation): void;
  isRevoked(session: Session): boolean;
  /** Every entry, for processes that start later. */
  all(): Iterable<Revocation>;
  /** Calls back for every revocation that is added, once; returns what takes the callback off. */
  onRevoked(listener: (revocation: Revocation) => void): () => void;
}

/** Each entry is about 150 bytes; a flood of sign-outs must not fill the memory. */
export const mostEntries = { proven: 200_000, claimed: 10_000 } as const;

/** A digest: the list may be kept outside this process, where it should name nobody. */
export function revocationKey(target: RevocationTarget): string {
  return createHash('sha256').update(plainKey(target)).digest('base64url');
}

function plainKey(target: RevocationTarget): string {
  switch (target.kind) {
    case 'session':
      return `session\0${target.id}`;
    case 'sid':
      return `sid\0${target.provider}\0${target.sid}`;
    case 'subject':
      return `subject\0${target.provider}\0${target.subject}`;
  }
}

/** The keys that a session can be ended by. */
function revocationKeysOf({ id, provider, providerSessionId, subject }: Session): string[] {
  const keys = [
    revocationKey({ kind: 'session', id }),
    revocationKey({ kind: 'subject', provider, subject }),
  ];
  if (providerSessionId !== undefined)
    keys.push(revocationKey({ kind: 'sid', provider, sid: providerSessionId }));
  return keys;
}

function isEnded(entry: Revocation | undefined, createdAt: number): boolean {
  return entry !== undefined && entry.before >= createdAt;
}

export function createRevocations({ now }: Pick<Clock, 'now'>): Revocations {
  const ends = { at: ({ until }: Revocation) => until * 1000, now };
  const proven = createBounded<string, Revocation>({ entries: mostEntries.proven, ends });
  const claimed = createBounded<string, Revocation>({ entries: mostEntries.claimed, ends });
  const listeners = new Set<(revocation: Revocation) => void>();
  // Somebody has always just signed out: that must not cost every request its digests, nor everything that is
  // open when a front-channel logout comes, which anybody can send.
  const keys = new WeakMap<Session, string[]>();
  const isRevoked = (session: Session) => {
    if (proven.size === 0 && claimed.size === 0) return false;
    let known = keys.get(session);
    if (!known) {
      known = revocationKeysOf(session);
      keys.set(session, known);
    }
    for (const key of known) {
      const { createdAt } = session;
      // Be it over by the time of day, which may be set back again.
      if (isEnded(proven.peek(key), createdAt) || isEnded(claimed.peek(key), createdAt)) return true;
    }
    return false;
  };
  return {
    add(revocation) {
      const entries = revocation.proven ? proven : claimed;
      const known = entries.peek(revocation.key);
      if (known && known.before >= revocation.before) return;
      entries.set(revocation.key, revocation);
      for (const listener of listeners) listener(revocation);
    },
    isRevoked,
    all: () => [...proven.values(), ...claimed.values()],
    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
