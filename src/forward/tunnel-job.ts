import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { GatewayError } from '../errors.ts';
import type { Tunnel } from '../listen/inbound.ts';
import type { Trace } from '../observe/trace.ts';
import type { Targets } from './balance.ts';
import type { TunnelPassage } from './forwarding.ts';
import type { Ending } from './live-connections.ts';
import type { RawHeaders } from './request-headers.ts';
import type { ResponseHeaders } from './response-headers.ts';
import type { RetryPolicy } from './retry.ts';
import type { TurnLimits } from './target-turns.ts';
import type { Target } from './targets.ts';

/** A WebSocket handshake of a client, with everything that its way upstream needs. */
export interface TunnelJob {
  clock: Clock;
  /** The client's end, and what it had sent behind its handshake. */
  tunnel: Tunnel;
  head: Buffer;
  targets: Targets;
  /** As for requests; an open WebSocket has its turn until it ends. */
  turns: TurnLimits | undefined;
  retry: Pick<RetryPolicy, 'onConnect' | 'wait'>;
  /** The name of the target that the browser is tied to. */
  tie: string | undefined;
  path: string;
  trace: Trace | undefined;
  passage: TunnelPassage;
  headersFor(target: Target): RawHeaders;
  /** Milliseconds until the upstream answers the handshake. */
  responseTimeout: number;
  /** @param target the one that answers */
  rewriteHeaders(raw: readonly (string | Buffer)[], target: Target): ResponseHeaders;
  /** The upstream answered: 101 when the tunnel is open, any other status when it refused. */
  answered(status: number): void;
  /** Registers the open tunnel, with what ends it; returns what takes it off. */
  stayOpen(end: (ending: Ending) => void): () => void;
  fail(error: GatewayError): void;
  /** The client left before the handshake was answered. */
  left(): void;
  watch: SocketWatch;
}

/** Ends connections whose other side is silent for too long. */
export interface SocketWatch {
  add(socket: Socket): void;
  /** Calls back when nothing passes through a tunnel for too long. */
  addTunnel(client: Duplex, upstream: Socket, goneIdle: () => void): void;
}
