import { createServer, type Socket } from 'node:net';
import { type Listening, listenOnLoopback } from './listening.ts';

export interface ByteUpstream extends Listening {
  /** What each request was, head and body as they came, Latin-1. */
  received: string[];
}

/**
 * Starts an upstream that answers with literal bytes, for answers that no HTTP library would send.
 * @param answer called when the head of a request is there: text is sent as Latin-1 and the connection then
 * ended; a function takes the connection over
 */
export async function startByteUpstream(
  answer: string | Buffer | ((socket: Socket, head: string) => void),
): Promise<ByteUpstream> {
  const received: string[] = [];
  const server = createServer((socket) => {
    let head = '';
    let answered = false;
    socket.on('data', (chunk: Buffer) => {
      if (answered) return;
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      answered = true;
      received.push(head);
      if (typeof answer === 'function') answer(socket, head);
      else socket.end(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer);
    });
  });
  return Object.assign(await listenOnLoopback(server), { received });
}

/** Answers that are wrong, or rare enough that gateways get them wrong. */
export const oddAnswers = {
  garbage: 'this is not HTTP at all\r\n\r\n',
  closedInBody: 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly the beginning',
  closedInChunks: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  closedInHead: 'HTTP/1.1 200 OK\r\nContent-Le',
  trailerWithLength: 'HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\nContent-Length: 5\r\n\r\nhello',
  trailers:
    'HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n',
  earlyHints:
    'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  badStatus: 'HTTP/1.1 999999 What\r\nContent-Length: 0\r\n\r\n',
  badHeader: 'HTTP/1.1 200 OK\r\nX Y: no\r\nContent-Length: 0\r\n\r\n',
  /** Ends with the connection: neither a length nor chunks (RFC 9112 §6.3). */
  untilClose: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello until the end',
  lengthAndChunks:
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  twoLengths: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
} as const;

/** An answer with that many bytes of headers. */
export function withHeaderBytes(bytes: number): string {
  const line = `X-Filler: ${'f'.repeat(1000)}\r\n`;
  const lines = line.repeat(Math.ceil(bytes / line.length));
  return `HTTP/1.1 200 OK\r\n${lines}Content-Length: 5\r\n\r\nhello`;
}

/** Breaks the connection with a TCP reset as soon as a request has come. */
export const resetAtOnce = (socket: Socket): void => {
  socket.resetAndDestroy();
};

/** Takes the request and never answers. */
export const staySilent = (): void => undefined;
