import { packSession, unpackSession } from './form/pack.ts';
import type { Keys, Purpose, SealingKey } from './key-ring.ts';
import { openEither, sealPacked, sealWith } from './seal.ts';
import { decodeSession, encodeSession, type Session } from './session.ts';

/**
 * The forms that a session is sealed in. 1 is JSON, compressed; 2 is packed. Both open, whichever is written: instances
 * of a version that knows 1 alone may run beside this one.
 */
export type SessionForm = 1 | 2;

/** A session that was sealed. */
export interface SealedSession {
  sealed: string;
  /** What the session takes in memory, about: the letters of its texts. */
  size: number;
}

/**
 * Seals a session.
 * @param name what it is sealed for: of a cookie its name, of a row its place
 * @returns undefined for a session that is too large to be opened again
 */
export function sealSession(
  form: SessionForm,
  session: Session,
  key: SealingKey,
  purpose: Purpose,
  name: string,
): SealedSession | undefined {
  if (form === 1) {
    const text = encodeSession(session);
    return { sealed: sealWith(key, text, purpose, name), size: text.length };
  }
  const made = packSession(session);
  return made && { sealed: sealPacked(key, made.packed, purpose, name), size: made.size };
}

/** A session with its place in the table. */
export interface PlacedSession {
  /** In base64url, of so many bytes. */
  place: string;
  session: Session;
}

const placeBytes = 32;

/** Seals a session with its place in the table, for the list of the sessions of a person. */
export function sealListing(
  form: SessionForm,
  { place, session }: PlacedSession,
  key: SealingKey,
  name: string,
): string | undefined {
  if (form === 1) return sealWith(key, `${place} ${encodeSession(session)}`, 'listed', name);
  const made = packSession(session);
  if (!made) return undefined;
  return sealPacked(key, Buffer.concat([Buffer.from(place, 'base64url'), made.packed]), 'listed', name);
}

/** Opens what `sealListing` sealed, of either form; undefined for anything else. Never throws. */
export function openListing(sealed: string, keys: Keys, name: string): PlacedSession | undefined {
  const opened = openEither(keys, sealed, 'listed', name);
  if (!opened) return undefined;
  if (opened.packed) {
    const place = opened.packed.subarray(0, placeBytes).toString('base64url');
    const unpacked = unpackSession(opened.packed.subarray(placeBytes));
    return unpacked && { place, session: unpacked.session };
  }
  const [place = ''] = opened.text.split(' ', 1);
  const session = decodeSession(opened.text.slice(place.length + 1));
  return session && { place, session };
}

/** A session that was opened. */
export interface OpenedSession {
  session: Session;
  /** It was sealed with a key that is no longer the first of the ring. */
  outdatedKey: boolean;
  /** What it takes in memory, about: the letters of its texts. */
  size: number;
}

/** Opens a session of either form; undefined for anything else. Never throws. */
export function openSession(
  sealed: string,
  keys: Keys,
  purpose: Purpose,
  name: string,
): OpenedSession | undefined {
  const opened = openEither(keys, sealed, purpose, name);
  if (!opened) return undefined;
  const { outdatedKey } = opened;
  if (opened.packed) {
    const unpacked = unpackSession(opened.packed);
    return unpacked && { ...unpacked, outdatedKey };
  }
  const session = decodeSession(opened.text);
  return session && { session, outdatedKey, size: opened.text.length };
}
