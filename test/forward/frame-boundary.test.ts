import fc from 'fast-check';
import { test } from 'tap';
import { closeFrame, FrameBoundary } from '../../src/forward/frame-boundary.ts';

interface Frame {
  last: boolean;
  opcode: number;
  masked: boolean;
  length: number;
}

const continuation = 0;
const text = 1;
const ping = 9;

/** A frame as RFC 6455 §5.2 writes it, full of bytes that could pass for headers. */
function write({ last, opcode, masked, length }: Frame): Buffer {
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = (last ? 0x80 : 0) | opcode;
  head[1] = (masked ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(length, 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([
    head,
    masked ? Buffer.of(0x81, 0x7f, 0, 1) : Buffer.of(),
    Buffer.alloc(length, 0x81),
  ]);
}

/** Lengths around the places where the header changes, and others. */
const length = fc.oneof(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000), fc.nat(300));

/** The frames of one message: data in one piece or a few, with pings between. */
const message = fc
  .record({
    lengths: fc.array(length, { minLength: 1, maxLength: 3 }),
    masked: fc.boolean(),
    pings: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  })
  .map(({ lengths, masked, pings }) =>
    lengths.flatMap((size, at): Frame[] => [
      ...(pings[at] ? [{ last: true, opcode: ping, masked, length: size % 126 }] : []),
      { last: at === lengths.length - 1, opcode: at === 0 ? text : continuation, masked, length: size },
    ]),
  );

const messages = fc.array(message, { minLength: 1, maxLength: 4 });

/** Pieces of a stream, cut anywhere. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, at) => bytes.subarray(from, sorted[at] ?? bytes.length));
}

/** After how many bytes frames end, and messages; a ping outside of a message counts as one. */
function endsOf(frames: readonly Frame[]) {
  const frameEnds = new Set<number>([0]);
  const messageEnds = new Set<number>([0]);
  let at = 0;
  let unfinished = false;
  for (const frame of frames) {
    at += write(frame).length;
    frameEnds.add(at);
    if (frame.opcode !== ping) unfinished = !frame.last;
    if (!unfinished) messageEnds.add(at);
  }
  return { frameEnds, messageEnds };
}

test('the ends of frames and messages are known, however the bytes are cut', (t) => {
  fc.assert(
    fc.property(messages, fc.array(fc.nat(), { maxLength: 12 }), (given, places) => {
      const frames = given.flat();
      const bytes = Buffer.concat(frames.map(write));
      const { frameEnds, messageEnds } = endsOf(frames);
      const boundary = new FrameBoundary();
      let at = 0;
      for (const piece of cut(bytes, places)) {
        boundary.pass(piece);
        at += piece.length;
        if (boundary.atFrameEnd !== frameEnds.has(at) || boundary.atMessageEnd !== messageEnds.has(at)) {
          throw new Error(`wrong after ${at} of ${bytes.length} bytes`);
        }
      }
    }),
    { numRuns: 300 },
  );
  t.pass('300 streams');
  t.end();
});

test('a stream is cut at the first end of a message', (t) => {
  fc.assert(
    fc.property(messages, fc.nat(), (given, place) => {
      const frames = given.flat();
      const bytes = Buffer.concat(frames.map(write));
      const { messageEnds } = endsOf(frames);
      const from = place % bytes.length;
      const boundary = new FrameBoundary();
      boundary.pass(bytes.subarray(0, from));
      const expected = [...messageEnds].find((end) => end > from);
      const passed = boundary.passMessage(bytes.subarray(from));
      if (passed === undefined || passed + from !== expected) {
        throw new Error(`cut behind ${passed} bytes from ${from}, not at ${expected}`);
      }
    }),
    { numRuns: 300 },
  );
  const boundary = new FrameBoundary();
  t.equal(
    boundary.passMessage(write({ last: true, opcode: text, masked: false, length: 500 }).subarray(0, 400)),
    undefined,
  );
  t.notOk(boundary.atFrameEnd);
  t.end();
});

test('a close frame is one whole frame, however long its reason', (t) => {
  for (const reason of ['', 'the session was ended', 'x'.repeat(500)]) {
    const frame = closeFrame(4401, reason);
    t.equal(frame[0], 0x88);
    t.equal(frame.readUInt16BE(2), 4401);
    t.ok(frame.length <= 127, 'RFC 6455 §5.5: control frames have at most 125 bytes');
    const boundary = new FrameBoundary();
    t.equal(boundary.passMessage(Buffer.concat([frame, frame])), frame.length);
  }
  t.end();
});
