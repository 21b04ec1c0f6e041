import { createHash, randomBytes } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import type {
  AnswerHeaders,
  ClientConnection,
  Inbound,
  Outbound,
  Trailers,
  Tunnel,
} from '../../src/listen/inbound.ts';
import type { Field, ServerStream } from './memory-stream.ts';

/**
 * A protocol with the manners of HTTP/2 and no bytes on a wire: pseudo header fields, no reason, nothing that speaks of
 * a connection, cookies in several fields, and WebSockets by extended CONNECT. It shows what one adapter has to do.
 */

export interface Behind {
  take(request: Inbound, response: Outbound): void;
  takeTunnel(tunnel: Tunnel, head: Buffer): void;
}

/** Takes a stream whose head has come. */
export function adapt(fields: readonly Field[], stream: ServerStream, behind: Behind): void {
  const head = translate(fields, stream);
  const request = new MemoryInbound(head, stream);
  if (head.isTunnel) behind.takeTunnel(tunnelOf(request, head, stream), Buffer.alloc(0));
  else behind.take(request, new MemoryOutbound(request, stream));
}

interface RequestHead {
  method: string;
  url: string;
  rawHeaders: string[];
  isTunnel: boolean;
  /** Of the handshake that an extended CONNECT becomes. */
  key: string;
}

/** The head as HTTP/1.1 would have it (RFC 9113 §8.3.1, RFC 8441 §5). */
function translate(fields: readonly Field[], { isBodiless }: ServerStream): RequestHead {
  const pseudo = new Map(fields.filter(([name]) => name.startsWith(':')));
  const ordinary = fields.filter(([name]) => !name.startsWith(':'));
  const cookies = ordinary.flatMap(([name, value]) => (name === 'cookie' ? [value] : []));
  const authority = pseudo.get(':authority');
  const others = ordinary.filter(
    ([name, value]) => name !== 'cookie' && !(name === 'host' && value === authority),
  );
  const isTunnel = pseudo.get(':protocol') === 'websocket';
  const key = randomBytes(16).toString('base64');
  const hasLength = others.some(([name]) => name === 'content-length');
  const rawHeaders = [
    ...(authority === undefined ? [] : [['host', authority]]),
    ...others,
    ...(cookies.length > 0 ? [['cookie', cookies.join('; ')]] : []),
    ...(isTunnel
      ? [
          ['connection', 'Upgrade'],
          ['upgrade', 'websocket'],
          ['sec-websocket-key', key],
        ]
      : []),
    ...(isTunnel || isBodiless || hasLength ? [] : [['transfer-encoding', 'chunked']]),
  ].flat();
  const method = isTunnel ? 'GET' : (pseudo.get(':method') ?? '');
  return { method, url: pseudo.get(':path') ?? '', rawHeaders, isTunnel, key };
}

class MemoryInbound extends Readable implements Inbound {
  readonly method: string;
  url: string;
  readonly httpVersion = '2.0';
  readonly rawHeaders: readonly string[];
  readonly headers: Inbound['headers'];
  readonly socket: ClientConnection;
  complete = false;
  readonly #stream: ServerStream;

  constructor({ method, url, rawHeaders, isTunnel }: RequestHead, stream: ServerStream) {
    super();
    this.method = method;
    this.url = url;
    this.rawHeaders = rawHeaders;
    this.headers = byName(rawHeaders);
    this.#stream = stream;
    const { bytes } = stream;
    this.socket = {
      remoteAddress: '127.0.0.1',
      get destroyed() {
        return bytes.destroyed;
      },
    };
    if (!isTunnel) this.#follow();
  }

  #follow(): void {
    const { bytes } = this.#stream;
    bytes.on('end', () => {
      this.complete = true;
      this.push(null);
    });
    bytes.on('close', () => {
      if (!this.complete) this.destroy();
    });
    if (this.#stream.isBodiless) bytes.resume();
  }

  override _read(): void {
    const { bytes } = this.#stream;
    if (bytes.listenerCount('data') === 0) {
      bytes.on('data', (chunk: Buffer) => {
        if (!this.push(chunk)) bytes.pause();
      });
    }
    bytes.resume();
  }
}

function byName(rawHeaders: readonly string[]): Inbound['headers'] {
  const headers: Record<string, string> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const value = rawHeaders[at + 1] ?? '';
    // Of the authority the first counts, as Node has it.
    if (name !== 'host' || headers.host === undefined)
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}

class MemoryOutbound extends Writable implements Outbound {
  readonly req: Inbound;
  readonly socket = null;
  statusCode = 200;
  headersSent = false;
  readonly #stream: ServerStream;
  readonly #added: Field[] = [];
  #trailers: readonly Field[] = [];

  constructor(request: Inbound, stream: ServerStream) {
    super();
    this.req = request;
    this.#stream = stream;
    stream.bytes.on('close', () => {
      if (!this.writableFinished) this.destroy();
    });
  }

  writeContinue(): void {
    this.#stream.head({ status: 100, fields: [] });
  }

  setHeader(name: string, value: string): void {
    this.#added.push([name, value]);
  }

  writeHead(status: number, ...rest: readonly (string | AnswerHeaders)[]): void {
    const headers = rest.at(-1) as AnswerHeaders;
    this.statusCode = status;
    this.headersSent = true;
    this.#stream.head({ status, fields: fieldsOf([...this.#added.flat(), ...listOf(headers)]) });
  }

  flushHeaders(): void {}

  addTrailers(trailers: Trailers): void {
    const list: readonly string[] = Array.isArray(trailers)
      ? trailers.flat()
      : listOf(trailers as Record<string, string>);
    this.#trailers = fieldsOf(list);
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#stream.bytes.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.#stream.trailers(this.#trailers);
    this.#stream.bytes.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.writableFinished) this.#stream.bytes.destroy();
    done(error);
  }
}

function tunnelOf(request: Inbound, { key }: RequestHead, { bytes, head }: ServerStream): Tunnel {
  return {
    request,
    stream: bytes,
    open(_reason, headers) {
      // Whoever sends a key has to look at what comes back for it (RFC 6455 §4.1).
      const accept = headers[headers.findIndex((name) => /^sec-websocket-accept$/i.test(name)) + 1];
      if (accept !== acceptOf(key)) bytes.destroy();
      else head({ status: 200, fields: fieldsOf(headers) });
    },
    refuse: (status, _reason, headers) => head({ status, fields: fieldsOf(headers) }),
    answer({ status, headers, body }) {
      head({ status, fields: fieldsOf(listOf(headers)) });
      bytes.end(body);
      bytes.resume();
    },
  };
}

const acceptOf = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

const listOf = (headers: AnswerHeaders): string[] =>
  Array.isArray(headers)
    ? headers
    : Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((line) => [name, line]));

/** What belongs to a connection of HTTP/1.1 is left out (RFC 9113 §8.2.2), and the key's answer (RFC 8441 §5). */
const left = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'sec-websocket-accept']);

function fieldsOf(list: readonly string[]): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at]?.toLowerCase() ?? '';
    if (!left.has(name)) fields.push([name, list[at + 1] ?? '']);
  }
  return fields;
}
