import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../clock.ts';
import { closeFrame, type FrameBoundary, maskedCloseFrame } from './frame-boundary.ts';
import type { Ending } from './live-connections.ts';

/** A WebSocket that passes, and where the frames of each direction end. */
export interface OpenTunnel {
  client: Duplex;
  upstream: Socket;
  toClient: FrameBoundary;
  toUpstream: FrameBoundary;
  clock: Clock;
}

/** How long a message that is under way may take; where it may take its time, how long nothing of it may come. */
const messageGraceMs = 3000;
/** How long nothing may come of a client that is to answer a close frame. */
const answerGraceMs = 3000;
/** How long the other side may take to read the last bytes and to close its side. */
const closeGraceMs = 5000;

/** Ends a tunnel from between its two ends. Nobody gets a close frame in the middle of another one. */
export function endTunnel(tunnel: OpenTunnel, ending: Ending): void {
  if (ending.mayFinish) closeInOrder(tunnel, ending);
  else cutOff(tunnel, ending);
}

/** Nothing more goes upstream, and downstream only the rest of a message before the close frame. */
function cutOff(tunnel: OpenTunnel, ending: Ending): void {
  const { client, upstream, clock } = tunnel;
  upstream.unpipe(client);
  client.unpipe(upstream);
  client.resume();
  const grace = (late: () => void) => clock.after(messageGraceMs, late);
  finishMessage(tunnel, grace, () => {
    sayClose(tunnel, ending);
    client.end();
    upstream.destroy();
  });
}

/**
 * The closing handshake with both ends (RFC 6455 §7.1.2). The client is told; what it sends before it answers still
 * goes upstream, and so does its answer, which tells the application. Where none comes, the gateway tells it.
 */
function closeInOrder(tunnel: OpenTunnel, ending: Ending): void {
  const { client, upstream, toUpstream, clock } = tunnel;
  upstream.unpipe(client);
  client.unpipe(upstream);
  // The end of the client's bytes is not yet that of the application's: a close frame may have to come between.
  client.pipe(upstream, { end: false });
  const grace = (late: () => void) => whenStill(clock, messageGraceMs, () => upstream.bytesRead, late);
  finishMessage(tunnel, grace, () => {
    sayClose(tunnel, ending);
    // What the application still sends is nobody's; its end is waited for.
    upstream.resume();
    let hasEnded = false;
    const end = () => {
      if (hasEnded) return;
      hasEnded = true;
      limit.cancel();
      client.unpipe(upstream);
      if (!toUpstream.hasClosed && toUpstream.atFrameEnd && upstream.writable)
        upstream.write(maskedCloseFrame(ending.code, ending.reason));
      upstream.end();
      client.end();
      closeSoon(upstream, clock);
      closeSoon(client, clock);
    };
    const limit = whenStill(clock, answerGraceMs, () => upstream.bytesWritten, end);
    if (upstream.readableEnded || client.readableEnded) end();
    client.on('end', end);
    upstream.on('end', end);
    // A connection that breaks takes the other one along, which must not lose its last bytes by that.
    upstream.prependListener('close', end);
    client.on('close', end);
  });
}

function sayClose({ client, toClient }: OpenTunnel, { code, reason }: Ending): void {
  // Whoever has sent a close frame has told all there is.
  if (toClient.atFrameEnd && !toClient.hasClosed && client.writable) client.write(closeFrame(code, reason));
}

/** Passes the rest of the message that is under way to the client; what comes behind it is dropped. */
function finishMessage(
  { client, upstream, toClient }: OpenTunnel,
  startGrace: (late: () => void) => Timer,
  done: () => void,
): void {
  const goOn = () => upstream.resume();
  const end = () => {
    grace.cancel();
    upstream.off('data', passRest);
    upstream.off('end', end);
    client.off('drain', goOn);
    done();
  };
  const passRest = (chunk: Buffer) => {
    const length = toClient.passMessage(chunk);
    if (!client.write(chunk.subarray(0, length))) upstream.pause();
    if (length !== undefined) end();
  };
  const grace = startGrace(end);
  if (toClient.atMessageEnd) {
    end();
    return;
  }
  upstream.on('data', passRest);
  upstream.on('end', end);
  client.on('drain', goOn);
  if (!client.writableNeedDrain) goOn();
}

/** Calls back when a number has stood still for so long; the one who waits has a limit of its own. */
function whenStill(clock: Clock, milliseconds: number, count: () => number, callback: () => void): Timer {
  let last = count();
  const timer = clock.every(milliseconds, () => {
    const now = count();
    if (now !== last) {
      last = now;
      return;
    }
    timer.cancel();
    callback();
  });
  return timer;
}

/**
 * Lets a connection end in order. Closing it while the other side still sends would break it, and what that has not
 * read yet would be lost.
 */
export function closeSoon(socket: Duplex, clock: Clock): void {
  socket.resume();
  const grace = clock.after(closeGraceMs, () => socket.destroy());
  socket.on('close', () => grace.cancel());
}
