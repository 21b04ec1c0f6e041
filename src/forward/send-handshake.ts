import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { createDial } from './connector.ts';
import type { RawHeaders } from './request-headers.ts';
import type { Target } from './targets.ts';

/** What an upstream answers to a handshake: its head, and where it refuses, its body. */
export interface HandshakeAnswer extends Readable {
  readonly statusCode?: number | undefined;
  readonly statusMessage?: string | undefined;
  readonly headers: { readonly upgrade?: string | undefined };
  readonly rawHeaders: readonly string[];
}

/** A handshake on its way. One of the three events tells how it ends. */
export interface SentHandshake {
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** It switches to another protocol, which may be any. */
  on(event: 'upgrade', listener: (answer: HandshakeAnswer, socket: Socket, head: Buffer) => void): unknown;
  on(event: 'response', listener: (answer: HandshakeAnswer) => void): unknown;
  /** After any of them: its connection has gone, or is that of another protocol. */
  on(event: 'close', listener: () => void): unknown;
  destroy(): unknown;
  /** Whether a connection was made, with TLS where that belongs to it, so that it was sent. */
  wasSent(): boolean;
}

/**
 * Sends the handshake of a WebSocket (RFC 6455 §4.1) on a connection of its own. Node's client gives the head of the
 * answer as the upstream wrote it, and the connection with it; the library of ordinary requests keeps neither the
 * reason nor the body of a refusal apart from its pool.
 */
export function sendHandshake(
  target: Pick<Target, 'origin' | 'connect' | 'proxy' | 'connectTimeout'>,
  { path, headers, timeout }: { path: string; headers: RawHeaders; timeout: number },
): SentHandshake {
  const { origin, connect, proxy } = target;
  const raw = [...headers, 'connection', 'Upgrade', 'upgrade', 'websocket'];
  const send = origin.startsWith('https:') ? httpsRequest : httpRequest;
  const upstream = send({
    ...connect,
    ...(proxy ? { createConnection: dialThrough(target) } : { agent: false }),
    method: 'GET',
    path,
    // A flat list, in order and with duplicates, as Node takes it too; its types know the map only.
    headers: raw as unknown as Record<string, string>,
    setHost: false,
  });
  upstream.setTimeout(timeout, () => {
    const error = new Error('the upstream did not answer the handshake');
    upstream.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
  });
  // One that leads through a proxy comes when it is made.
  let isSent = false;
  const made = origin.startsWith('https:') ? 'secureConnect' : 'connect';
  upstream.once('socket', (socket) => {
    isSent = proxy !== undefined;
    socket.once(made, () => {
      isSent = true;
    });
  });
  upstream.end();
  return Object.assign(upstream as Omit<SentHandshake, 'wasSent'>, { wasSent: () => isSent });
}

/** A connection through the proxy of a target, as Node's client takes one. */
function dialThrough(
  target: Pick<Target, 'origin' | 'connect' | 'proxy' | 'connectTimeout'>,
): (options: unknown, done: (error: Error | null, socket: Duplex) => void) => undefined {
  const { protocol, hostname, host, port } = new URL(target.origin);
  const dial = createDial(target, false);
  return (_options, done) => {
    dial({ protocol, hostname: hostname.replace(/^\[|\]$/g, ''), host, port }, (error, socket) =>
      done(error, socket as Socket),
    );
  };
}
