import type { ByteReader, ByteWriter } from './bytes.ts';

/**
 * Where the parts of a session go: `words` is compressed, and `noise`, which would only grow by that, is not. Signatures,
 * random identifiers and numbers are noise.
 */
export interface Streams<Port> {
  words: Port;
  noise: Port;
}

/**
 * A token is taken apart at its dots. What is base64url stands as its bytes, where they have no other spelling: as words
 * where it begins as JSON does, as noise elsewhere. The first number says which shape it has.
 */
const absent = 0;
const listed = 1;
/** A JWT (RFC 7519 §3): header and claims, each up to a zero byte, and a signature of so many bytes less this. */
const signed = 2;

/** A part of any other token: its length × 8, and one of these. */
const noiseBytes = 0;
const noiseHex = 1;
const wordBytes = 2;
const wordText = 3;
const oddText = 4;
/** Letters of base64url whose last bits are not padding: bytes, and up to three letters behind them. */
const noiseAndTail = 5;

/** A token with more parts is taken for one text. */
const mostParts = 16;

const brace = 0x7b;
const zero = 0;

/** The claims of a token that was written or read, as the bytes that they are; undefined where it carries none. */
export type Payload = Buffer | undefined;

/**
 * Writes a token: a signed JWT as its header, claims and signature, any other as the list of its parts. Gives the claims
 * that it carries, as bytes.
 */
export function packToken(token: string | undefined, streams: Streams<ByteWriter>): Payload {
  if (token === undefined) {
    streams.noise.varint(absent);
    return undefined;
  }
  const pieces = token.split('.', mostParts + 1);
  const payload = writeSigned(pieces, streams);
  if (!payload) writeListed(pieces.length > mostParts ? [token] : pieces, streams.noise, streams.words);
  return payload;
}

function writeSigned(pieces: readonly string[], { words, noise }: Streams<ByteWriter>): Payload {
  const [header, claims, signature] = pieces;
  if (pieces.length !== 3 || !header || !claims || signature === undefined) return undefined;
  const start = words.length;
  const signatureStart = noise.length;
  const write = (text: string) => {
    const from = words.length;
    if (words.base64url(text) === undefined) return undefined;
    const written = words.written(from);
    if (written[0] !== brace || written.includes(zero)) return undefined;
    words.byte(zero);
    return written;
  };
  const payload = write(header) && write(claims);
  const length = payload && lengthOf(signature);
  if (length !== undefined) {
    noise.varint(length + signed);
    if (noise.base64url(signature) === length) return payload;
  }
  words.rewind(start);
  noise.rewind(signatureStart);
  return undefined;
}

/** How many bytes a text in base64url has, if it is one. */
const lengthOf = (text: string) => Math.floor((text.length * 3) / 4);

function writeListed(pieces: readonly string[], noise: ByteWriter, words: ByteWriter): void {
  noise.varint(listed);
  noise.varint(pieces.length);
  for (const piece of pieces) writePiece(piece, noise, words);
}

/** Writes a text that is probably random. */
export function writePiece(piece: string, noise: ByteWriter, words: ByteWriter): void {
  const form = (length: number, kind: number) => noise.varint(length * 8 + kind);
  if (piece.length % 2 === 0 && /^[0-9a-f]+$/.test(piece)) {
    form(piece.length / 2, noiseHex);
    noise.text(piece, 'hex');
    return;
  }
  const start = words.length;
  const length = words.base64url(piece);
  if (length === undefined) {
    if (!writeWithTail(piece, noise)) writeOther(piece, noise, words);
    return;
  }
  if (words.written(start)[0] === brace) {
    form(length, wordBytes);
    return;
  }
  words.rewind(start);
  form(length, noiseBytes);
  noise.base64url(piece);
}

/** Such as an opaque token of any length; false where it is something else. */
function writeWithTail(piece: string, noise: ByteWriter): boolean {
  const cut = piece.length - (piece.length % 4);
  const tail = piece.slice(cut);
  if (cut === 0 || !/^[\w-]{1,3}$/.test(tail)) return false;
  const start = noise.length;
  noise.varint(lengthOf(piece.slice(0, cut)) * 8 + noiseAndTail);
  if (noise.base64url(piece.slice(0, cut)) === undefined) {
    noise.rewind(start);
    return false;
  }
  noise.byte(tail.length);
  noise.text(tail, 'utf8');
  return true;
}

function writeOther(piece: string, noise: ByteWriter, words: ByteWriter): void {
  if (!piece.isWellFormed()) {
    noise.varint(2 * piece.length * 8 + oddText);
    noise.text(piece, 'utf16le');
    return;
  }
  const start = words.length;
  words.text(piece, 'utf8');
  noise.varint((words.length - start) * 8 + wordText);
}

/** A token as it was packed, and the claims that it carries. */
export interface UnpackedToken {
  token: string | undefined;
  payload: Payload;
}

/** Reads what `packToken` wrote, byte for byte. Throws RangeError for bytes that it cannot have written. */
export function unpackToken({ words, noise }: Streams<ByteReader>): UnpackedToken {
  const shape = noise.varint();
  if (shape === absent) return { token: undefined, payload: undefined };
  if (shape === listed) {
    const pieces: string[] = [];
    const count = noise.varint();
    if (count > mostParts) throw new RangeError('a token has too many parts');
    for (let index = 0; index < count; index++) pieces.push(readPiece(noise, words));
    return { token: pieces.join('.'), payload: undefined };
  }
  const header = words.until(zero);
  const payload = words.until(zero);
  const signature = noise.take(shape - signed);
  // In one piece: a template leaves it to the next reader to put the pieces together.
  const token = [header, payload, signature].map((bytes) => bytes.toString('base64url')).join('.');
  return { token, payload };
}

/** Reads one part of a token. Throws RangeError for bytes that are not a part. */
export function readPiece(noise: ByteReader, words: ByteReader): string {
  const form = noise.varint();
  const length = Math.floor(form / 8);
  const kind = form % 8;
  if (kind === noiseBytes) return noise.take(length).toString('base64url');
  if (kind === noiseHex) return noise.take(length).toString('hex');
  if (kind === wordBytes) return words.take(length).toString('base64url');
  if (kind === wordText) return words.take(length).toString('utf8');
  if (kind === noiseAndTail)
    return noise.take(length).toString('base64url') + noise.take(noise.byte()).toString('utf8');
  if (kind === oddText) return noise.take(length).toString('utf16le');
  throw new RangeError('no part of a token has this form');
}
