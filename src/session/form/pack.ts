import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Session } from '../session.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import {
  type Carried,
  carriedClaim,
  createCarried,
  readClaims,
  readText,
  writeClaims,
  writeText,
} from './carried-claims.ts';
import { dictionary } from './dictionary.ts';
import { readNumber, writeNumber } from './numbers.ts';
import { packToken, readPiece, type Streams, unpackToken, writePiece } from './token-parts.ts';

/**
 * The packed form of a session: the length of its words · the words, compressed (RFC 1951) · its noise. Words are the
 * JSON of tokens, texts, and claims that no token carries; noise is what does not shrink. Whatever changes here or in
 * the dictionary is another form, with a version of its own in the seal.
 */

/** No session is near this; one with more words would be a decompression bomb. */
const mostWords = 256 * 1024;
/** What there is beside the tokens, about. */
const restBytes = 256;

/** Memory is taken in steps of this; zlib has 16 KiB otherwise, for a few hundred bytes. */
const stepOf = (bytes: number) => Math.ceil(Math.max(1024, Math.min(16 * 1024, bytes)));

/** As far back as the dictionary reaches from the last word, with what zlib needs more: a smaller window takes less time. */
const windowFor = (words: Buffer) => (dictionary.length + words.length < 2 ** 13 - 300 ? 13 : 15);

/** A session as bytes. */
export interface Packed {
  packed: Buffer;
  /** Of its texts, about. */
  letters: number;
}

/** Packs a session. Undefined for one with more words than open again, or with claims too deep to be written. */
export function packSession(session: Session): Packed | undefined {
  const letters = lettersOf(session);
  const streams = {
    words: new ByteWriter(Math.ceil(letters * 0.65) + restBytes),
    noise: new ByteWriter(Math.ceil(letters * 0.4) + restBytes),
  };
  try {
    writeSession(session, streams);
  } catch (error) {
    // JSON.stringify runs out of stack.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const words = streams.words.written();
  if (words.length > mostWords) return undefined;
  const deflated = deflateRawSync(words, {
    dictionary,
    windowBits: windowFor(words),
    chunkSize: stepOf(words.length / 2),
  });
  const length = new ByteWriter(8);
  length.varint(deflated.length);
  const packed = Buffer.concat([length.written(), deflated, streams.noise.written()]);
  return { packed, letters: words.length + letters };
}

/** A session, and about how many letters its texts have. */
export interface Unpacked {
  session: Session;
  letters: number;
}

/** The session that was packed; undefined for any other bytes. Never throws. */
export function unpackSession(packed: Buffer): Unpacked | undefined {
  try {
    const noise = new ByteReader(packed);
    const inflated = inflate(noise.take(noise.varint()));
    const words = new ByteReader(inflated);
    const session = readSession({ words, noise });
    if (!words.isAtEnd || !noise.isAtEnd) return undefined;
    return { session, letters: inflated.length + lettersOf(session) };
  } catch {
    return undefined;
  }
}

/** What `info` makes of it: the types know nothing of that. */
interface WithEngine {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

function inflate(deflated: Buffer): Buffer {
  const { buffer, engine } = inflateRawSync(deflated, {
    dictionary,
    maxOutputLength: mostWords,
    chunkSize: stepOf(deflated.length * 6),
    info: true,
  }) as unknown as WithEngine;
  if (engine.bytesWritten !== deflated.length) throw new RangeError('something stands behind the words');
  return buffer;
}

function lettersOf({ idToken = '', accessToken, refreshToken = '' }: Session): number {
  return idToken.length + accessToken.length + refreshToken.length;
}

function writeSession(session: Session, streams: Streams<ByteWriter>): void {
  const { words, noise } = streams;
  const payloads = [session.idToken, session.accessToken, session.refreshToken].map((token) =>
    packToken(token, streams),
  );
  const carried = createCarried(payloads);
  writeText(words, session.provider);
  writeText(words, session.subject, carried, 'sub');
  writeText(words, session.providerSessionId, carried, 'sid');
  writeClaims(words, session.claims, carried);
  writeText(words, session.fetchedClaims.length === 0 ? '' : JSON.stringify(session.fetchedClaims));
  writePiece(session.id, noise, words);
  noise.byte(session.dpopKey === undefined ? 0 : 1);
  if (session.dpopKey !== undefined) writePiece(session.dpopKey, noise, words);
  writeTimes(session, carried, noise);
}

function readSession(streams: Streams<ByteReader>): Session {
  const { words, noise } = streams;
  const id = unpackToken(streams);
  const access = unpackToken(streams);
  const refresh = unpackToken(streams);
  const carried = createCarried([id.payload, access.payload, refresh.payload]);
  const provider = readText(words);
  const subject = readText(words, carried, 'sub');
  const providerSessionId = readText(words, carried, 'sid');
  const claims = readClaims(words, carried);
  const fetchedClaims = pathsOf(readText(words));
  const sessionId = readPiece(noise, words);
  const dpopKey = noise.byte() === 0 ? undefined : readPiece(noise, words);
  const times = readTimes(carried, noise);
  if (provider === undefined || subject === undefined || access.token === undefined)
    throw new RangeError('a session lacks something');
  return {
    id: sessionId,
    provider,
    subject,
    providerSessionId,
    claims,
    fetchedClaims,
    claimsRefreshAt: times.claimsRefreshAt,
    accessToken: access.token,
    accessTokenExpiresAt: times.accessTokenExpiresAt,
    refreshAt: times.refreshAt,
    refreshToken: refresh.token,
    dpopKey,
    idToken: id.token,
    createdAt: times.createdAt,
    seenAt: times.seenAt,
    expiresAt: times.expiresAt,
  };
}

function pathsOf(text: string | undefined): string[] {
  const paths: unknown = text ? JSON.parse(text) : [];
  if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string'))
    throw new RangeError('these are not paths');
  return paths;
}

type Times = Pick<
  Session,
  'claimsRefreshAt' | 'accessTokenExpiresAt' | 'refreshAt' | 'createdAt' | 'seenAt' | 'expiresAt'
>;

/** Times are near each other, and near those in the tokens. */
function writeTimes(session: Session, carried: Carried, noise: ByteWriter): void {
  const { claimsRefreshAt, accessTokenExpiresAt, refreshAt, createdAt, seenAt, expiresAt } = session;
  const issuedAt = timeIn(carried, 'iat');
  writeNumber(noise, accessTokenExpiresAt, timeIn(carried, 'exp'));
  writeNumber(noise, refreshAt, wholeOr(accessTokenExpiresAt, issuedAt));
  const milliseconds = Math.round(createdAt * 1000);
  const isExact = Number.isSafeInteger(milliseconds) && milliseconds / 1000 === createdAt && createdAt > 0;
  noise.byte(isExact ? 1 : 0);
  if (isExact) writeNumber(noise, milliseconds, issuedAt * 1000);
  else noise.double(createdAt);
  const began = wholeOr(Math.floor(createdAt), issuedAt);
  writeNumber(noise, seenAt, began);
  writeNumber(noise, expiresAt, began);
  writeNumber(noise, claimsRefreshAt, wholeOr(seenAt, began));
}

function readTimes(carried: Carried, noise: ByteReader): Times {
  const issuedAt = timeIn(carried, 'iat');
  const accessTokenExpiresAt = readNumber(noise, timeIn(carried, 'exp'));
  const refreshAt = readNumber(noise, wholeOr(accessTokenExpiresAt, issuedAt));
  const createdAt =
    noise.byte() === 1 ? (readNumber(noise, issuedAt * 1000) ?? Number.NaN) / 1000 : noise.double();
  const began = wholeOr(Math.floor(createdAt), issuedAt);
  const seenAt = readNumber(noise, began);
  const expiresAt = readNumber(noise, began);
  if (seenAt === undefined || expiresAt === undefined) throw new RangeError('a session lacks its times');
  const claimsRefreshAt = readNumber(noise, wholeOr(seenAt, began));
  return { claimsRefreshAt, accessTokenExpiresAt, refreshAt, createdAt, seenAt, expiresAt };
}

/** Those of one token are near those of the others. The first is parsed for its claims as well. */
const latestTime = 2 ** 40;

function timeIn(carried: Carried, claim: string): number {
  for (let token = 0; token < carried.tokens; token++) {
    const time = carriedClaim(carried.claimsOf(token), claim);
    if (typeof time === 'number' && Number.isInteger(time) && time > 0 && time < latestTime) return time;
  }
  return 0;
}

const wholeOr = (value: number | undefined, otherwise: number) =>
  value !== undefined && Number.isSafeInteger(value) && value !== 0 ? value : otherwise;
