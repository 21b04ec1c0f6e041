import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A connection on which tests write literal bytes. */
export interface RawConnection {
  socket: Socket;
  /** Sends bytes as they are; text as Latin-1. */
  write(bytes: string | Buffer): void;
  /** Everything that has come so far, as Latin-1. */
  received(): string;
  /** Waits until what has come contains or matches something; gives all of it. Rejects after the limit. */
  until(pattern: string | RegExp, timeoutMs?: number): Promise<string>;
  /** Waits for the end: `end` when the other side closed, `reset` when it broke the connection. */
  closed(timeoutMs?: number): Promise<'end' | 'reset'>;
  /** Half-closes: no more bytes will come from here. */
  end(): void;
  /** Breaks the connection with a TCP reset. */
  reset(): void;
  /** Goes away as a browser does: closes both directions. */
  destroy(): void;
}

/**
 * Opens a TCP connection, or a TLS one for https, to the host and port of a URL.
 * @param options.allowHalfOpen leaves this side open when the other has closed
 */
export async function openRaw(
  url: string,
  options: { ca?: string; allowHalfOpen?: boolean } = {},
): Promise<RawConnection> {
  const { hostname: name, port, protocol } = new URL(url);
  const hostname = name.replace(/^\[|\]$/g, '');
  const isTls = protocol === 'https:';
  const socket = isTls
    ? connectTls({ host: hostname, port: Number(port || 443), ...options })
    : connect({ host: hostname, port: Number(port || 80), ...options });
  let text = '';
  let ending: 'end' | 'reset' | undefined;
  const watchers = new Set<() => void>();
  const changed = () => {
    for (const watch of watchers) watch();
  };
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    changed();
  });
  socket.on('error', () => {
    ending ??= 'reset';
    changed();
  });
  socket.on('close', () => {
    ending ??= 'end';
    changed();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once(isTls ? 'secureConnect' : 'connect', resolve);
    socket.once('error', reject);
  });
  socket.setNoDelay(true);

  const wait = <T>(what: string, timeoutMs: number, look: () => T | undefined) =>
    new Promise<T>((resolve, reject) => {
      const give = (settle: () => void) => {
        clearTimeout(timer);
        watchers.delete(watch);
        settle();
      };
      const watch = () => {
        try {
          const found = look();
          if (found !== undefined) give(() => resolve(found));
        } catch (error) {
          give(() => reject(error as Error));
        }
      };
      const timer = setTimeout(() => {
        give(() =>
          reject(new Error(`${what} did not come in ${timeoutMs} ms; received: ${text.slice(0, 2000)}`)),
        );
      }, timeoutMs);
      watchers.add(watch);
      watch();
    });

  return {
    socket,
    write: (bytes) => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    },
    received: () => text,
    until: (pattern, timeoutMs = 5000) =>
      wait(String(pattern), timeoutMs, () => {
        if (typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text)) return text;
        if (ending)
          throw new Error(`the connection ended (${ending}) before ${pattern}: ${text.slice(0, 2000)}`);
        return undefined;
      }),
    closed: (timeoutMs = 5000) => wait('the end', timeoutMs, () => ending),
    end: () => socket.end(),
    reset: () => {
      socket.resetAndDestroy();
    },
    destroy: () => {
      socket.destroy();
    },
  };
}

/**
 * Sends bytes on a connection of its own and gives everything that comes back, as Latin-1, until the other
 * side closes or stays silent.
 * @param quietMs how long a silence ends the wait (300); before the first byte it is the whole limit of 5 s
 */
export async function sendRaw(url: string, bytes: string | Buffer, quietMs = 300): Promise<string> {
  const connection = await openRaw(url);
  connection.write(bytes);
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      connection.destroy();
      resolve(connection.received());
    };
    let timer = setTimeout(finish, 5000);
    connection.socket.on('data', () => {
      clearTimeout(timer);
      timer = setTimeout(finish, quietMs);
    });
    connection.socket.on('close', finish);
  });
}

/** One answer taken out of raw text. */
export interface RawAnswer {
  status: number;
  /** Lower-case name and value, in order. */
  headers: [name: string, value: string][];
  body: string;
}

/** Splits what a connection received into its answers, by Content-Length or chunked framing. */
export function readAnswers(received: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = received;
  while (rest.startsWith('HTTP/')) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd < 0) break;
    const [statusLine = '', ...lines] = rest.slice(0, headEnd).split('\r\n');
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const status = Number(statusLine.split(' ')[1]);
    rest = rest.slice(headEnd + 4);
    const framed = takeBody(status, headers, rest);
    answers.push({ status, headers, body: framed.body });
    rest = framed.rest;
  }
  return answers;
}

function takeBody(status: number, headers: [string, string][], text: string): { body: string; rest: string } {
  const value = (name: string) => headers.find(([key]) => key === name)?.[1];
  if (status < 200 || status === 204 || status === 304) return { body: '', rest: text };
  if (/(^|,\s*)chunked$/i.test(value('transfer-encoding') ?? '')) return takeChunks(text);
  const length = value('content-length');
  const end = length === undefined ? text.length : Number(length);
  return { body: text.slice(0, end), rest: text.slice(end) };
}

function takeChunks(text: string): { body: string; rest: string } {
  let body = '';
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return { body, rest: '' };
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    at = lineEnd + 2;
    if (!size) {
      const trailersEnd = text.indexOf('\r\n\r\n', lineEnd);
      return { body, rest: trailersEnd < 0 ? '' : text.slice(trailersEnd + 4) };
    }
    body += text.slice(at, at + size);
    at += size + 2;
  }
}
