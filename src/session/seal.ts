import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { KeyRing, Keys, Purpose, SealingKey } from './key-ring.ts';

/**
 * A seal is: version (1 byte) · key id (4) · nonce (12) · tag (16) · ciphertext, in base64url. Nonce and tag
 * stand in front so that the first characters tell two seals apart. Version, key id, purpose and the name of
 * the cookie are associated data: a seal opens nowhere but where it was made for.
 */
const nonceBytes = 12;
const tagBytes = 16;
const headerBytes = 1 + 4;
const overheadBytes = headerBytes + nonceBytes + tagBytes;

/** The version says what the plaintext is: a text, a compressed one, or a session in its packed form (form/pack.ts). */
const plainVersion = 1;
const deflatedVersion = 2;
const packedVersion = 3;
const versions: readonly (number | undefined)[] = [plainVersion, deflatedVersion, packedVersion];

/** Short texts grow by compression; and one that does not shrink is left as it is. */
const worthDeflatingBytes = 128;
/** What is compressed is no larger; a larger plaintext would be a decompression bomb. A longer text is left as it is. */
const largestPlaintextBytes = 256 * 1024;

/** Encrypts and authenticates a text (AES-256-GCM, NIST SP 800-38D) with the first key of the ring. */
export function seal(text: string, ring: KeyRing, purpose: keyof KeyRing, name: string): string {
  return sealWith(ring[purpose][0], text, purpose, name);
}

/** Like `seal`, with a key of one's own. */
export function sealWith(key: SealingKey, text: string, purpose: Purpose, name: string): string {
  const raw = Buffer.from(text, 'utf8');
  const mayDeflate = raw.length >= worthDeflatingBytes && raw.length <= largestPlaintextBytes;
  const deflated = mayDeflate ? deflateRawSync(raw) : raw;
  const isSmaller = deflated.length < raw.length;
  const version = isSmaller ? deflatedVersion : plainVersion;
  return sealBytes({ key, version, purpose, name }, isSmaller ? deflated : raw);
}

/** Seals what is packed already. It opens as such alone, and never as a text. */
export function sealPacked(key: SealingKey, packed: Buffer, purpose: Purpose, name: string): string {
  return sealBytes({ key, version: packedVersion, purpose, name }, packed);
}

interface SealParts {
  key: SealingKey;
  version: number;
  purpose: Purpose;
  name: string;
}

function sealBytes({ key, version, purpose, name }: SealParts, plaintext: Buffer): string {
  const header = Buffer.concat([Buffer.of(version), key.id], headerBytes);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce);
  cipher.setAAD(associatedData(header, purpose, name));
  const ciphertext = cipher.update(plaintext);
  // GCM has no block to fill up: this gives nothing more, and makes the tag.
  cipher.final();
  return Buffer.concat([header, nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
}

interface Ageing {
  /** It was sealed with a key that is no longer the first of the ring. */
  outdatedKey: boolean;
}

export interface Opened extends Ageing {
  text: string;
}

/** What was sealed as a text, or as packed bytes. */
export type OpenedEither =
  | (Opened & { packed?: undefined })
  | (Ageing & { packed: Buffer; text?: undefined });

/** Opens a seal. Anything malformed, altered, or made for another purpose or name is undefined, never an error. */
export function open(
  sealed: string,
  ring: KeyRing,
  purpose: keyof KeyRing,
  name: string,
): Opened | undefined {
  return openWith(ring[purpose], sealed, purpose, name);
}

/** Whether a text has the form of a seal, and is of a key that is known: for one whose name cannot be told yet. */
export function mayOpen(sealed: string, ring: KeyRing, purpose: keyof KeyRing): boolean {
  return readSeal(ring[purpose], sealed) !== undefined;
}

function readSeal(keys: Keys, sealed: string) {
  if (!isCanonical(sealed)) return undefined;
  const bytes = Buffer.from(sealed, 'base64url');
  const version = bytes[0];
  if (bytes.length < overheadBytes || !versions.includes(version)) return undefined;
  const header = bytes.subarray(0, headerBytes);
  const key = keys.find(({ id }) => id.equals(header.subarray(1)));
  return key && { bytes, version, header, key };
}

/** Like `open`, with keys of one's own. */
export function openWith(keys: Keys, sealed: string, purpose: Purpose, name: string): Opened | undefined {
  const opened = openEither(keys, sealed, purpose, name);
  return opened?.packed ? undefined : opened;
}

/** Opens a seal of a text or of packed bytes. Anything else is undefined, never an error. */
export function openEither(
  keys: Keys,
  sealed: string,
  purpose: Purpose,
  name: string,
): OpenedEither | undefined {
  const read = readSeal(keys, sealed);
  if (!read) return undefined;
  const { bytes, version, header, key } = read;
  const plaintext = decrypt(bytes, header, key, purpose, name);
  if (!plaintext) return undefined;
  const outdatedKey = key !== keys[0];
  if (version === packedVersion) return { packed: plaintext, outdatedKey };
  const text = version === deflatedVersion ? inflate(plaintext) : plaintext;
  return text && { text: text.toString('utf8'), outdatedKey };
}

/** Buffer.from forgives what is not base64url, and unused bits at the end: one seal has one spelling. */
function isCanonical(text: string): boolean {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return false;
  const rest = text.slice(text.length - (text.length % 4));
  return Buffer.from(rest, 'base64url').toString('base64url') === rest;
}

function decrypt(
  bytes: Buffer,
  header: Buffer,
  { key }: SealingKey,
  purpose: Purpose,
  name: string,
): Buffer | undefined {
  const nonce = bytes.subarray(headerBytes, headerBytes + nonceBytes);
  const tag = bytes.subarray(headerBytes + nonceBytes, overheadBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(associatedData(header, purpose, name));
  decipher.setAuthTag(tag);
  try {
    const plaintext = decipher.update(bytes.subarray(overheadBytes));
    // It throws where the tag does not fit; until then nothing of the plaintext counts.
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}

function inflate(deflated: Buffer): Buffer | undefined {
  try {
    return inflateRawSync(deflated, { maxOutputLength: largestPlaintextBytes });
  } catch {
    return undefined;
  }
}

function associatedData(header: Buffer, purpose: Purpose, name: string): Buffer {
  return Buffer.concat([header, Buffer.from(`\0${purpose}\0${name}`, 'utf8')]);
}
