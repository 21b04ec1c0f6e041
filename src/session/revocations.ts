import { createBounded } from '../bounded.ts';
import type { Clock } from '../clock.ts';

/** What the keys of revocations begin with, before a dot. */
export const revocationKinds = ['session', 'sid', 'subject', 'person'] as const;
export type RevocationKind = (typeof revocationKinds)[number];

export interface Revocation {
  /** Which sessions: a text that every process with the same secret makes alike; see revocation-keys.ts. */
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
  /** The kinds of what was ever on it: a session need not be looked for as any other. */
  readonly kinds: ReadonlySet<RevocationKind>;
  /** Whether there is nothing on it: no session needs to be looked at. */
  isEmpty(): boolean;
  /** Whether one of these keys is on the list, by somebody who ended what began at this time. */
  has(keys: readonly string[], createdAt: number): boolean;
  /** Every entry, for processes that start later. */
  all(): Iterable<Revocation>;
  /** Calls back for every revocation that is added, once; returns what takes the callback off. */
  onRevoked(listener: (revocation: Revocation) => void): () => void;
}

/** Each entry is about 150 bytes; a flood of sign-outs must not fill the memory. */
export const mostEntries = { proven: 200_000, claimed: 10_000 } as const;

function isEnded(entry: Revocation | undefined, createdAt: number): boolean {
  return entry !== undefined && entry.before >= createdAt;
}

export function createRevocations({ now }: Pick<Clock, 'now'>): Revocations {
  const ends = { at: ({ until }: Revocation) => until * 1000, now };
  const proven = createBounded<string, Revocation>({ entries: mostEntries.proven, ends });
  const claimed = createBounded<string, Revocation>({ entries: mostEntries.claimed, ends });
  const listeners = new Set<(revocation: Revocation) => void>();
  const kinds = new Set<RevocationKind>();
  const isEmpty = () => proven.size === 0 && claimed.size === 0;
  return {
    add(revocation) {
      const entries = revocation.proven ? proven : claimed;
      const known = entries.peek(revocation.key);
      if (known && known.before >= revocation.before) return;
      entries.set(revocation.key, revocation);
      const kind = revocationKinds.find((each) => revocation.key.startsWith(`${each}.`));
      if (kind) kinds.add(kind);
      for (const listener of listeners) listener(revocation);
    },
    kinds,
    isEmpty,
    has(keys, createdAt) {
      for (const key of keys) {
        // Be it over by the time of day, which may be set back again.
        if (isEnded(proven.peek(key), createdAt) || isEnded(claimed.peek(key), createdAt)) return true;
      }
      return false;
    },
    all: () => [...proven.values(), ...claimed.values()],
    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
