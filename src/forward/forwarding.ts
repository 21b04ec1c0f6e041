import type { GatewayError } from '../errors.ts';
import type { Inbound, Outbound, Tunnel } from '../listen/inbound.ts';
import type { ObservedPassage } from '../observe/observed-exchange.ts';
import type { Trace } from '../observe/trace.ts';
import type { Lifespan } from './live-connections.ts';
import type { Sender } from './request-headers.ts';
import type { TemplateContext } from './template-values.ts';

/** A request that was allowed, with everything that its way upstream needs. */
export interface Forwarding {
  request: Inbound;
  /** Of the plan that the request is decided by. */
  route: { index: number };
  /** Path and query, byte for byte. */
  path: string;
  /** Path and query that COPY or MOVE writes to; undefined for any other request. */
  writesTo: string | undefined;
  sender: Sender;
  context: TemplateContext;
  /** The trace that it belongs to, where there are any. */
  trace: Trace | undefined;
  /** The origin that the browser sees. */
  publicOrigin: string;
  /** Set-Cookie values that go with the answer. */
  setCookies: readonly string[];
  /** They can go with a later answer as well. */
  cookiesCanWait: boolean;
  /** How long an event stream or a WebSocket may stay open; undefined where nobody is signed in. */
  lifespan: Lifespan | undefined;
}

/** What is observed of a tunnel, as it writes it down: the bytes are those behind the handshake. */
export type TunnelPassage = { -readonly [Name in keyof ObservedPassage]: ObservedPassage[Name] } & {
  bytesIn: number;
  bytesOut: number;
};

/** Where the answer of an HTTP request goes, and what becomes of it. */
export interface HttpClient {
  response: Outbound;
  /** Nothing of an answer was sent yet. */
  fail(error: GatewayError): void;
  /** The answer broke after it had begun. */
  broke(error: GatewayError): void;
  /** Takes over an upstream's 401, by its headers; false for one that goes on to the client. */
  challenged(rawHeaders: readonly (string | Buffer)[]): boolean;
}

/** The other end of a tunnel. */
export interface TunnelClient {
  tunnel: Tunnel;
  /** What the client had sent behind its handshake. */
  head: Buffer;
  passage: TunnelPassage;
  answered(status: number): void;
  /** Nothing of an answer was sent yet. */
  fail(error: GatewayError): void;
  /** The client left before the handshake was answered. */
  left(): void;
}

/** A request on its way upstream. */
export interface UpstreamRequest extends ObservedPassage {
  /** The client has gone, or has its whole answer. */
  clientLeft(): void;
}
