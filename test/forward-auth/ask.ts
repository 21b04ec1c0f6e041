import { type Agent, type IncomingHttpHeaders, request } from 'node:http';

/** A request of which every byte counts: the target goes out as it is, and so do name and order of the headers. */
export interface ExactRequest {
  method?: string;
  /** The request target. */
  target: string;
  /** Name, value, name, value; Host is added where it is not among them. */
  headers?: readonly string[];
  body?: string;
  /** Name, value pairs behind a chunked body. */
  trailers?: readonly [string, string][];
}

export interface ExactAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  text: string;
}

/** Sends it to a front; rejects where the connection breaks. */
export function sendExactly(
  host: string,
  { method = 'GET', target, headers = [], body, trailers }: ExactRequest,
  agent?: Agent,
): Promise<ExactAnswer> {
  const [hostname, port] = host.split(':');
  const list = headers.some((name, at) => at % 2 === 0 && /^host$/i.test(name))
    ? [...headers]
    : ['Host', host, ...headers];
  if (trailers) list.push('Transfer-Encoding', 'chunked');
  else if (body !== undefined) list.push('Content-Length', String(Buffer.byteLength(body)));
  return new Promise((resolve, reject) => {
    const sent = request({
      hostname,
      port,
      method,
      path: target,
      headers: list,
      setHost: false,
      agent: agent ?? false,
      timeout: 20_000,
    });
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${target}: no answer`)));
    sent.on('error', reject);
    sent.on('upgrade', (answer, socket) => {
      socket.destroy();
      resolve({ status: 101, headers: answer.headers, rawHeaders: answer.rawHeaders, text: '' });
    });
    sent.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          rawHeaders: answer.rawHeaders,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    if (trailers) sent.addTrailers(trailers as [string, string][]);
    sent.end(body);
  });
}

/** Does a piece of work for each item, a few at a time, in order of their results. */
export async function eachOf<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  atOnce = 8,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at] as T);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}
