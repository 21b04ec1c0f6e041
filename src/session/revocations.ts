import { createHash } from 'node:crypto';
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
  /** The same question, for a session about which it is asked again and again. */
  watch(session: Session): () => boolean;
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

export function createRevocations(now: () => number = Date.now): Revocations {
  const proven = new Map<string, Revocation>();
  const claimed = new Map<string, Revocation>();
  const listeners = new Set<(revocation: Revocation) => void>();
  const watch = (session: Session) => {
    let keys: string[] | undefined;
    const ended = (entry: Revocation | undefined) => entry !== undefined && entry.before >= session.createdAt;
    return () => {
      if (proven.size === 0 && claimed.size === 0) return false;
      // Anybody can send a front-channel logout: it must not cost digests for everything that is open.
      keys ??= revocationKeysOf(session);
      return keys.some((key) => ended(proven.get(key)) || ended(claimed.get(key)));
    };
  };
  return {
    add(revocation) {
      const entries = revocation.proven ? proven : claimed;
      const most = revocation.proven ? mostEntries.proven : mostEntries.claimed;
      const known = entries.get(revocation.key);
      if (known && known.before >= revocation.before) return;
      entries.delete(revocation.key);
      for (const [key, { until }] of entries) {
        if (until * 1000 > now() && entries.size < most) break;
        entries.delete(key);
      }
      entries.set(revocation.key, revocation);
      for (const listener of listeners) listener(revocation);
    },
    isRevoked: (session) => watch(session)(),
    watch,
    all: () => [...proven.values(), ...claimed.values()],
    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
