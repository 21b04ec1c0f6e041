import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Listening, listenOnLoopback } from './listening.ts';
import { until } from './until.ts';

/** A request as an upstream saw it. */
export interface SeenRequest {
  method: string;
  /** The target, byte for byte. */
  url: string;
  /** Name, value, name, value, as they came over the wire. */
  rawHeaders: string[];
  /** The client went away before the answer was complete. */
  aborted: boolean;
}

/** What the echo application answers. */
export interface Echo {
  method: string;
  url: string;
  rawHeaders: string[];
  body: { length: number; sha256: string; base64?: string };
  rawTrailers: string[];
}

export interface Upstream extends Listening {
  server: Server;
  /** The requests so far, oldest first. */
  requests: SeenRequest[];
  /** Waits for a request that was aborted by the gateway. */
  aborted(): Promise<SeenRequest>;
}

export type UpstreamHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Bodies up to this length come back in the echo. */
const echoedBody = 64 * 1024;

/**
 * Starts a real HTTP application on a free port of 127.0.0.1: the echo unless a handler is given.
 * @param options.forgiving reads requests that are none, as far as Node can
 */
export async function startUpstream(
  handler: UpstreamHandler = echo,
  { forgiving = false }: { forgiving?: boolean } = {},
): Promise<Upstream> {
  const requests: SeenRequest[] = [];
  const server = createServer(
    { maxHeaderSize: 64 * 1024, insecureHTTPParser: forgiving },
    (request, response) => {
      const seen: SeenRequest = {
        method: request.method ?? '',
        url: request.url ?? '',
        rawHeaders: request.rawHeaders,
        aborted: false,
      };
      requests.push(seen);
      response.on('close', () => {
        seen.aborted = !response.writableFinished;
      });
      handler(request, response);
    },
  );
  const listening = await listenOnLoopback(server);
  return Object.assign(listening, {
    server,
    requests,
    aborted: () => until('an abort upstream', () => requests.find(({ aborted }) => aborted)),
  });
}

/** Answers with JSON that says exactly what came. */
export const echo: UpstreamHandler = (request, response) => {
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    length += chunk.length;
    if (length <= echoedBody) kept.push(chunk);
  });
  request.on('end', () => {
    const answer: Echo = {
      method: request.method ?? '',
      url: request.url ?? '',
      rawHeaders: request.rawHeaders,
      rawTrailers: request.rawTrailers,
      body: {
        length,
        sha256: hash.digest('hex'),
        ...(length <= echoedBody && { base64: Buffer.concat(kept).toString('base64') }),
      },
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
};

/** The values of a header in a raw list, whatever its case. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === name.toLowerCase()) values.push(rawHeaders[at + 1] ?? '');
  }
  return values;
}

/** The names in a raw list, in lower case and in order. */
export function namesOf(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
}
