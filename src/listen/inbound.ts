import type { Duplex } from 'node:stream';

/**
 * What a listener gives to everything behind it: a request, the answer to it, and a tunnel. Whatever protocol they come
 * by, they look as HTTP/1.1 would have them, as an intermediary has to translate them anyway (RFC 9113 §8.3.1):
 *
 * - The authority is one `host` in the header list. Where a request names two that differ, both stand there, and the
 *   request is refused for it.
 * - Cookies that came in several fields are one (RFC 9113 §8.2.3).
 * - A body whose length nobody said is announced by `transfer-encoding: chunked`. A body that is not announced is none.
 * - A WebSocket that is asked for by extended CONNECT (RFC 8441 §5) is a GET with a `sec-websocket-key`.
 * - In an answer, what speaks of a connection (`connection`, `transfer-encoding`, the reason) is for HTTP/1.1; another
 *   protocol leaves it out. Names may be in any case; HTTP/2 has them in lower case.
 *
 * No scheme is among it: by which one browsers came is for the configuration and for trusted proxies to say.
 *
 * Node's own request and answer of HTTP/1.1 are these as they are, so that a request costs no object more; the
 * compiler sees to that wherever they come in. Another protocol is one adapter in this folder, which makes objects
 * that are these.
 */
export interface Inbound {
  /** Every listener sets it; Node's types leave it open. */
  readonly method?: string | undefined;
  /** The request target, byte for byte. Only who reads a request first may look: the router writes its own here. */
  readonly url?: string | undefined;
  /** `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string;
  /** Name, value, name, value: in order, and in the case in which they came. */
  readonly rawHeaders: readonly string[];
  /** The router writes its own `content-type` here, so that it leaves the body alone. */
  readonly headers: HeaderFields;
  readonly socket: ClientConnection;

  /** The whole body has come. */
  readonly complete: boolean;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'data', listener: (chunk: Buffer) => void): unknown;
  off(event: 'end' | 'close', listener: () => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
  pause(): unknown;
  /** Reads the body, for whoever listens; what nobody listens for is dropped. */
  resume(): unknown;
}

/** Where a request came from: its connection, or in HTTP/2 its stream. */
export interface ClientConnection {
  /** Undefined for a Unix socket, and for a connection that has gone. */
  readonly remoteAddress?: string | undefined;
  /** Nothing more can be sent to the client. */
  readonly destroyed: boolean;
  /** With TLS only: the client's certificate, of which its handshake has shown the key. */
  getPeerX509Certificate?(): { readonly raw: Buffer } | undefined;
}

/** Header fields by their names in lower case, those of a name joined as Node joins them. */
export interface HeaderFields {
  readonly [name: string]: string | string[] | undefined;
  readonly accept?: string | undefined;
  readonly 'access-control-request-headers'?: string | undefined;
  readonly 'access-control-request-method'?: string | undefined;
  readonly authorization?: string | undefined;
  readonly connection?: string | undefined;
  readonly 'content-length'?: string | undefined;
  readonly cookie?: string | undefined;
  readonly expect?: string | undefined;
  readonly forwarded?: string | undefined;
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly referer?: string | undefined;
  readonly 'sec-fetch-dest'?: string | undefined;
  readonly 'sec-fetch-mode'?: string | undefined;
  readonly 'sec-fetch-site'?: string | undefined;
  readonly 'transfer-encoding'?: string | undefined;
  readonly upgrade?: string | undefined;
}

/** The answer to a request. */
export interface Outbound {
  /** The request that it answers. */
  readonly req: Inbound;
  readonly statusCode: number;
  readonly headersSent: boolean;
  /** Its end was written. */
  readonly writableEnded: boolean;
  /** All of it went to a client that was still there. */
  readonly writableFinished: boolean;
  /** It cannot go on: its client has gone, or half of it was thrown away. */
  readonly destroyed: boolean;
  /** What holds several writes together; null where there is nothing of the kind. */
  readonly socket: { cork(): void; uncork(): void } | null;

  /** `100 Continue`. */
  writeContinue(): void;
  /** Adds to the headers that `writeHead` sends. */
  setHeader(name: string, value: string): unknown;
  /** @param headers name, value, name, value; or by name */
  writeHead(status: number, headers: AnswerHeaders): unknown;
  writeHead(status: number, reason: string, headers: AnswerHeaders): unknown;
  /** Sends the head, where nothing else follows for now. */
  flushHeaders(): void;
  /** False where the other side has to read first, which `drain` tells. */
  write(chunk: Buffer): boolean;
  write(chunk: string, encoding: 'latin1'): boolean;
  addTrailers(trailers: Trailers): void;
  end(chunk?: Buffer | string): unknown;
  /** Breaks it off, so that half an answer looks like half an answer. */
  destroy(): unknown;
  /** `close`: it has ended, or its client has gone. */
  on(event: 'close', listener: () => void): unknown;
  once(event: 'drain', listener: () => void): unknown;
}

export type AnswerHeaders = string[] | Record<string, string | string[]>;

export type Trailers = readonly [name: string, value: string][] | Record<string, string | string[]>;

/** A handshake for a WebSocket, and the tunnel that it may become. Of the three ways to answer it, one is taken. */
export interface Tunnel {
  readonly request: Inbound;
  /** The bytes of the client. Before the tunnel is open, nothing is written to it but by an answer. */
  readonly stream: Duplex;
  /**
   * Answers that it is open.
   * @param headers what the upstream's handshake said, without what speaks of its connection
   */
  open(reason: string, headers: readonly string[]): void;
  /** Answers with the head of what the upstream said instead. The body is then written to the stream, which ends. */
  refuse(status: number, reason: string, headers: readonly string[]): void;
  /** Answers for the gateway itself. */
  answer(answer: { status: number; headers: Record<string, string | string[]>; body: string }): void;
}
