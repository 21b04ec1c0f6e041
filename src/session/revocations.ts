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
}

/** The list of sessions that were ended before their time. Bounded, and looked at on every request. */
export interface Revocations {
  add(revocation: Revocation): void;
  isRevoked(session: Session): boolean;
  /** Calls back for every revocation that is added, once; returns what takes the callback off. */
  onRevoked(listener: (revocation: Revocation) => void): () => void;
}

/** Each entry is about 100 bytes; a flood of sign-outs must not fill the memory. */
const mostEntries = 200_000;

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
  const entries = new Map<string, Revocation>();
  const listeners = new Set<(revocation: Revocation) => void>();
  return {
    add(revocation) {
      const known = entries.get(revocation.key);
      if (known && known.before >= revocation.before) return;
      entries.delete(revocation.key);
      for (const [key, { until }] of entries) {
        if (until * 1000 > now() && entries.size < mostEntries) break;
        entries.delete(key);
      }
      entries.set(revocation.key, revocation);
      for (const listener of listeners) listener(revocation);
    },
    isRevoked(session) {
      if (entries.size === 0) return false;
      return revocationKeysOf(session).some((key) => (entries.get(key)?.before ?? -1) >= session.createdAt);
    },
    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
