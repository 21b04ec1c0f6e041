import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import { listenOnLoopback } from './listening.ts';

/** An answer as a tamper sees and sends it. */
export interface TamperedAnswer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string | string[]>;
  body: string;
}

/** One request to the provider, in the hands of a tamper. */
export interface ProviderHit {
  request: IncomingMessage;
  response: ServerResponse;
  /** The path without query, such as `/token`. */
  path: string;
  /** The body of the request; may be asked for before `pass` or `original`. */
  body(): Promise<string>;
  /** What the provider itself answers; not sent yet. */
  original(): Promise<TamperedAnswer>;
  /** Sends an answer of one's own; missing headers are none. */
  send(answer: { status?: number; headers?: TamperedAnswer['headers']; body?: string }): void;
  /** Lets the provider answer as it would have. */
  pass(): Promise<void>;
}

/**
 * Stands between the network and the provider. It answers through `hit.send`, alters what `hit.original`
 * gives, destroys `hit.response`, waits, or lets the hit `pass`; returning without any of these leaves the
 * caller waiting.
 */
export type Tamper = (hit: ProviderHit) => void | Promise<void>;

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** The provider's public side. */
export interface ProviderFront {
  /** Such as `http://127.0.0.1:4300`. */
  url: string;
  /** The number of requests by path, such as `/token`. */
  hits: Map<string, number>;
  /** Puts a tamper in front of every endpoint; undefined removes it. */
  tamper(tamper: Tamper | undefined): void;
  /** Stops to listen and cuts every connection: an outage. */
  stop(): Promise<void>;
  /** Listens on the same port again after `stop`. */
  restart(): Promise<void>;
}

/**
 * A plain http server in front of the provider that counts and, when asked to, misbehaves.
 * @param makeHandler gets the public URL and gives what answers when nobody tampers
 */
export async function startFront(makeHandler: (url: string) => Promise<Handler>): Promise<ProviderFront> {
  const hits = new Map<string, number>();
  let tamper: Tamper | undefined;
  let handler: Handler | undefined;
  const front = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*$/s, '');
    hits.set(path, (hits.get(path) ?? 0) + 1);
    if (!tamper) {
      handler?.(request, response);
      return;
    }
    Promise.resolve(tamper(openHit(request, response, path, inner.port, handler))).catch((error: unknown) => {
      response.destroy(error as Error);
    });
  });
  const outer = await listenOnLoopback(front);
  // Tampers that alter an answer fetch it from here, so that they get exactly what would have been sent.
  const inner = await listenOnLoopback(createServer((request, response) => handler?.(request, response)));
  handler = await makeHandler(outer.url);
  return {
    url: outer.url,
    hits,
    tamper(next) {
      tamper = next;
    },
    async stop() {
      await Promise.all([outer.close(), inner.close()]);
    },
    async restart() {
      await Promise.all([outer.reopen(), inner.reopen()]);
    },
  };
}

function openHit(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  innerPort: number,
  handler: Handler | undefined,
): ProviderHit {
  let reading: Promise<string> | undefined;
  const body = () => {
    reading ??= gather(request);
    return reading;
  };
  const original = async () => fetchOriginal(request, innerPort, await body());
  const send: ProviderHit['send'] = ({ status = 200, headers = {}, body: text = '' }) => {
    const { 'transfer-encoding': _, ...rest } = headers;
    response.writeHead(status, { ...rest, 'content-length': String(Buffer.byteLength(text)) });
    response.end(text);
  };
  return {
    request,
    response,
    path,
    body,
    original,
    send,
    async pass() {
      if (reading) send(await original());
      else handler?.(request, response);
    },
  };
}

function fetchOriginal(request: IncomingMessage, port: number, body: string): Promise<TamperedAnswer> {
  const { 'transfer-encoding': _, ...headers } = request.headers;
  return new Promise((resolve, reject) => {
    const outgoing = sendRequest(
      // The Host goes along: the provider builds the addresses of its endpoints from it.
      {
        host: '127.0.0.1',
        port,
        method: request.method,
        path: request.url,
        headers: { ...headers, connection: 'close' },
      },
      (answer) => {
        gather(answer).then((text) => {
          const answerHeaders = Object.fromEntries(
            Object.entries(answer.headersDistinct).map(([name, values = []]) => [
              name,
              values.length === 1 ? (values[0] ?? '') : values,
            ]),
          );
          resolve({ status: answer.statusCode ?? 0, headers: answerHeaders, body: text });
        }, reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function gather(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
