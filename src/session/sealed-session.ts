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
  /** What the session takes in memory, about. */
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
    const text = textOf(session);
    if (text === undefined) return undefined;
    return { sealed: sealWith(key, text, purpose, name), size: sizeOf(session, text.length) };
  }
  const made = packSession(session);
  if (!made) return undefined;
  return { sealed: sealPacked(key, made.packed, purpose, name), size: sizeOf(session, made.letters) };
}

/** Undefined for claims that are nested deeper than can be written. */
function textOf(session: Session): string | undefined {
  try {
    return encodeSession(session);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What a value takes beside the letters of its text: an empty object is two of these, and takes 64 bytes. */
const valueBytes = 64;

/** What a session takes in memory, about. Who has it claim a list of nothings has few letters, and very many values. */
function sizeOf({ claims }: Session, letters: number): number {
  let values = 1;
  const open: object[] = [claims];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const members: unknown[] = Array.isArray(next) ? next : Object.values(next);
    values += members.length;
    for (const member of members) if (member !== null && typeof member === 'object') open.push(member);
  }
  return letters + values * valueBytes;
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
  if (form === 1) {
    const text = textOf(session);
    return text && sealWith(key, `${place} ${text}`, 'listed', name);
  }
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
  /** What it takes in memory, about. */
  size: number;
}

const openedAs = (session: Session, outdatedKey: boolean, letters: number): OpenedSession => ({
  session,
  outdatedKey,
  size: sizeOf(session, letters),
});

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
    return unpacked && openedAs(unpacked.session, outdatedKey, unpacked.letters);
  }
  const session = decodeSession(opened.text);
  return session && openedAs(session, outdatedKey, opened.text.length);
}
