import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { UpstreamHandler } from './upstream.ts';

const blockSize = 64 * 1024;
const block = randomBytes(2 * blockSize);

/** The chunk of a large body at a position: cheap to make, and different from its neighbours. */
function chunkAt(position: number, length: number): Buffer {
  const offset = (position / blockSize) % blockSize;
  return block.subarray(offset, offset + length);
}

function* chunks(length: number): Generator<Buffer> {
  for (let position = 0; position < length; position += blockSize) {
    yield chunkAt(position, Math.min(blockSize, length - position));
  }
}

/** A body of so many bytes that is never in memory as a whole; the same at every call. */
export function bulkBody(length: number): Readable {
  return Readable.from(chunks(length), { objectMode: false, highWaterMark: blockSize });
}

/** The SHA-256 of a bulk body, in hex. */
export function bulkDigest(length: number): string {
  const hash = createHash('sha256');
  for (const chunk of chunks(length)) hash.update(chunk);
  return hash.digest('hex');
}

/** Reads a stream to its end without keeping it. */
export async function digestOf(stream: AsyncIterable<unknown>): Promise<{ length: number; sha256: string }> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of stream) {
    hash.update(chunk as Buffer);
    length += (chunk as Buffer).length;
  }
  return { length, sha256: hash.digest('hex') };
}

/** Answers `/BYTES` with a bulk body of that length: chunked, or with a length after `?length`. */
export const sendBulk: UpstreamHandler = (request, response) => {
  const [path = '', query] = (request.url ?? '').split('?');
  const length = Number(path.slice(1));
  request.resume();
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    ...(query === 'length' && { 'content-length': String(length) }),
  });
  bulkBody(length).pipe(response);
};
