import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as sendHttp,
} from 'node:http';
import { request as sendHttps, Agent as TlsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { type CookieJar, createCookieJar } from './cookie-jar.ts';

export interface RequestOptions {
  method?: string;
  /** A flat list is sent as it is, in order and with duplicates; the jar's cookies come on top. */
  headers?: OutgoingHttpHeaders | string[];
  /** A stream is sent chunked, unless a Content-Length header says otherwise. */
  body?: string | Buffer | Readable;
  /** How many redirects to follow (0). */
  follow?: number;
  /** Milliseconds until the request is given up (30,000). */
  timeout?: number;
}

export interface HttpAnswer {
  /** Where this answer came from, after redirects. */
  url: string;
  status: number;
  reason: string;
  headers: IncomingHttpHeaders;
  /** Name, value, name, value, as they came over the wire. */
  rawHeaders: string[];
  setCookies: string[];
  trailers: NodeJS.Dict<string>;
  rawTrailers: string[];
  body: Buffer;
  text: string;
  /** The statuses of interim answers, such as 100 or 103. */
  interim: number[];
  json(): unknown;
}

/** An answer whose body is still to be read. */
export interface OpenAnswer {
  answer: IncomingMessage;
  /** Breaks the connection. */
  destroy(): void;
}

/** A small browser without pages: a cookie jar and kept-alive connections. */
export interface Client {
  cookies: CookieJar;
  /** Sends a request and reads the whole answer. The path of the URL goes out byte for byte. */
  request(url: string, options?: RequestOptions): Promise<HttpAnswer>;
  /** Sends a request and gives its answer as soon as the headers have come. */
  open(url: string, options?: RequestOptions): Promise<OpenAnswer>;
  get(url: string, headers?: OutgoingHttpHeaders): Promise<HttpAnswer>;
  /** As a browser that goes to a page: Accept names HTML, and Fetch Metadata says so. */
  navigate(url: string, options?: RequestOptions): Promise<HttpAnswer>;
  close(): void;
}

/** What a browser says when somebody follows a link. */
export const navigationHeaders: Readonly<OutgoingHttpHeaders> = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
};

/**
 * @param options.ca the PEM certificate authority that https servers are checked against
 * @param options.trustsLoopback takes Secure cookies from http servers on loopback too
 */
export function createClient({
  trustsLoopback,
  ...options
}: {
  ca?: string;
  trustsLoopback?: boolean;
} = {}): Client {
  const cookies = createCookieJar(trustsLoopback === undefined ? {} : { trustsLoopback });
  const agent = new Agent({ keepAlive: true });
  const tlsAgent = new TlsAgent({ keepAlive: true, ...options });

  const open = (url: string, given: RequestOptions, interim: number[]) =>
    sendOnce(url, given, { cookies, interim, agent: url.startsWith('https:') ? tlsAgent : agent });

  const request = async (url: string, given: RequestOptions = {}): Promise<HttpAnswer> => {
    const interim: number[] = [];
    const { answer } = await open(url, given, interim);
    const whole = await readWhole(url, answer, interim);
    const { location } = answer.headers;
    const follow = given.follow ?? 0;
    if (follow === 0 || location === undefined || whole.status < 300 || whole.status > 308) return whole;
    const next = new URL(location, url).href;
    const keepsMethod = whole.status === 307 || whole.status === 308;
    const { method: _, body: __, ...rest } = given;
    return request(next, { ...(keepsMethod ? given : rest), follow: follow - 1 });
  };

  return {
    cookies,
    request,
    open: (url, given = {}) => open(url, given, []),
    get: (url, headers = {}) => request(url, { headers }),
    navigate: (url, given = {}) =>
      request(url, { ...given, headers: { ...navigationHeaders, ...headerMap(given) } }),
    close() {
      agent.destroy();
      tlsAgent.destroy();
    },
  };
}

function headerMap({ headers = {} }: RequestOptions): OutgoingHttpHeaders {
  if (Array.isArray(headers)) throw new Error('navigate takes headers as an object');
  return headers;
}

interface Sending {
  cookies: CookieJar;
  interim: number[];
  agent: Agent;
}

function sendOnce(
  url: string,
  given: RequestOptions,
  { cookies, interim, agent }: Sending,
): Promise<OpenAnswer> {
  const { method = 'GET', headers = {}, body, timeout = 30_000 } = given;
  // Taken apart by hand: the URL class would normalise the path.
  const [, scheme, host = '', path = '/'] = /^(https?):\/\/([^/?#]+)([^#]*)$/s.exec(url) ?? [];
  const { hostname, port } = new URL(`${scheme}://${host}`);
  const cookie = cookies.headerFor(`${scheme}://${host}${encodeURI(path)}`);
  const length = typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.byteLength(body) : undefined;
  const list = Array.isArray(headers)
    ? [...headers]
    : Object.entries(headers).flatMap(([name, value]) =>
        [value].flat().flatMap((one) => [name, String(one)]),
      );
  const has = (name: string) => list.some((text, at) => at % 2 === 0 && text.toLowerCase() === name);
  if (!has('host')) list.unshift('Host', host);
  if (cookie !== undefined) list.push('Cookie', cookie);
  if (length !== undefined && !has('content-length') && !has('transfer-encoding')) {
    list.push('Content-Length', String(length));
  }
  return new Promise((resolve, reject) => {
    const outgoing = (scheme === 'https' ? sendHttps : sendHttp)({
      agent,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: path.startsWith('/') ? path : `/${path}`,
      method,
      headers: list as unknown as OutgoingHttpHeaders,
      setHost: false,
    });
    outgoing.setTimeout(timeout, () => outgoing.destroy(new Error(`no answer from ${url} in ${timeout} ms`)));
    outgoing.on('information', ({ statusCode }) => interim.push(statusCode));
    outgoing.on('continue', () => interim.push(100));
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      cookies.take(url, answer.headersDistinct['set-cookie'] ?? []);
      resolve({ answer, destroy: () => outgoing.destroy() });
    });
    if (body instanceof Readable) body.pipe(outgoing);
    else outgoing.end(body);
  });
}

async function readWhole(url: string, answer: IncomingMessage, interim: number[]): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const text = body.toString('utf8');
  return {
    url,
    status: answer.statusCode ?? 0,
    reason: answer.statusMessage ?? '',
    headers: answer.headers,
    rawHeaders: answer.rawHeaders,
    setCookies: answer.headersDistinct['set-cookie'] ?? [],
    trailers: answer.trailers,
    rawTrailers: answer.rawTrailers,
    body,
    text,
    interim,
    json: () => JSON.parse(text) as unknown,
  };
}
