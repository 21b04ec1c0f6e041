import type { Socket } from 'node:net';
import { closeSoon, endTunnel, type OpenTunnel } from './end-tunnel.ts';
import type { TunnelPassage } from './forwarding.ts';
import { FrameBoundary } from './frame-boundary.ts';
import type { Ending } from './live-connections.ts';
import { probeAfterMs } from './probe.ts';
import type { HandshakeAnswer, SentHandshake } from './send-handshake.ts';
import type { Target } from './targets.ts';
import type { TunnelJob } from './tunnel-job.ts';

/** RFC 6455 §4.1. A tunnel of any other protocol could be a way around the routes. */
export function isWebSocketAnswer({ headers }: HandshakeAnswer): boolean {
  return headers.upgrade?.trim().toLowerCase() === 'websocket';
}

/** Joins the two connections of a WebSocket that the upstream has opened, until one of them ends. */
export function join(
  job: TunnelJob,
  target: Target,
  answer: HandshakeAnswer,
  upstreamSocket: Socket,
  upstreamHead: Buffer,
): void {
  const { clock, tunnel, head } = job;
  const { stream } = tunnel;
  upstreamSocket.on('error', () => stream.destroy());
  stream.on('error', () => upstreamSocket.destroy());
  upstreamSocket.on('close', () => (stream.writableEnded ? closeSoon(stream, clock) : stream.destroy()));
  let off = () => {};
  stream.on('close', () => {
    upstreamSocket.destroy();
    off();
  });
  if (stream.destroyed) {
    upstreamSocket.destroy();
    return;
  }
  upstreamSocket.setTimeout(0);
  upstreamSocket.setNoDelay(true);
  upstreamSocket.setKeepAlive(true, probeAfterMs);
  const { headers } = job.rewriteHeaders(answer.rawHeaders, target);
  tunnel.open(answer.statusMessage ?? 'Switching Protocols', headers);
  if (upstreamHead.length > 0) stream.write(upstreamHead);
  if (head.length > 0) upstreamSocket.write(head);
  job.passage.beganAt = clock.monotonic();
  job.answered(101);
  stream.pipe(upstreamSocket).pipe(stream);
  const open: OpenTunnel = {
    client: stream,
    upstream: upstreamSocket,
    toClient: new FrameBoundary(),
    toUpstream: new FrameBoundary(),
    clock,
  };
  const stopFollowing = follow(open, upstreamHead, head, job.passage);
  const end = (ending: Ending) => {
    stopFollowing();
    endTunnel(open, ending);
  };
  off = job.stayOpen(end);
  job.watch.add(upstreamSocket);
  job.watch.addTunnel(stream, upstreamSocket, () => end(goneIdle));
}

const goneIdle: Ending = { code: 1001, reason: 'nothing passed for too long', mayFinish: false };

/** Knows where frames end in both directions, and counts bytes; returns what stops that for those to the client. */
function follow(
  { client, upstream, toClient, toUpstream }: OpenTunnel,
  upstreamHead: Buffer,
  clientHead: Buffer,
  passage: TunnelPassage,
): () => void {
  const pass = (chunk: Buffer) => {
    passage.bytesOut += chunk.length;
    toClient.pass(chunk);
  };
  const passUp = (chunk: Buffer) => {
    passage.bytesIn += chunk.length;
    toUpstream.pass(chunk);
  };
  pass(upstreamHead);
  upstream.on('data', pass);
  passUp(clientHead);
  client.on('data', passUp);
  return () => upstream.off('data', pass);
}

/** The upstream's own 401, 403 or 404 reaches the client as it is; then the connection ends. */
export function relayRefusal(
  { tunnel, answered, rewriteHeaders, passage, clock }: TunnelJob,
  target: Target,
  upstream: SentHandshake,
  answer: HandshakeAnswer,
): void {
  const { stream } = tunnel;
  const { headers } = rewriteHeaders(answer.rawHeaders, target);
  passage.beganAt = clock.monotonic();
  const status = answer.statusCode ?? 502;
  tunnel.refuse(status, answer.statusMessage ?? '', headers);
  answered(status);
  answer.on('error', () => stream.destroy());
  answer.on('close', () => upstream.destroy());
  for (const event of ['end', 'close']) stream.on(event, () => upstream.destroy());
  answer.pipe(stream);
  // What the client still sends is dropped; without reading, nothing tells that it has left.
  stream.resume();
}
