import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Running } from '../support/applications/application.ts';

/**
 * Proxies that cannot be had here, imitated by their documentation: what each asks Sallyport, and what it makes
 * of the answer. The names and paths come from the configuration file that is under test.
 */
export interface ProxyBehaviour {
  /** Whose request it is, by its path: the gateway's own pages, the application's, or nobody's: a status. */
  ownerOf(path: string): 'gateway' | 'application' | number;
  /** Whether a client's header comes in at all. */
  takesIn(name: string): boolean;
  /** Whether a client's header makes it answer 500 at once. */
  refuses?(name: string): boolean;
  question(request: Incoming): { method: string; path: string; headers: string[] };
  isYes(status: number): boolean;
  /** Client headers that are removed before the request goes on, whatever the answer says. */
  removes(name: string): boolean;
  /** Headers of a yes that go to the application, in the place of the client's. */
  tells(name: string): boolean;
  /** Cookies of a yes that go to the browser. */
  cookiesOf(lines: string[]): string[];
  /** What the browser gets for a no; the answer itself where this is not given. */
  onNo?(status: number, request: Incoming): { status: number; headers: string[] } | undefined;
  /** The status when nobody answers the question. */
  outage: number;
}

export interface Incoming {
  method: string;
  url: string;
  host: string;
  /** Name, value, name, value; without headers of the connection. */
  headers: string[];
  client: string;
}

const ofConnection = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** Starts a proxy on a port of 127.0.0.1, between browsers, the gateway and an application. */
export async function startImitation(
  { port, gateway, application }: { port: number; gateway: string; application: string },
  behaviour: ProxyBehaviour,
): Promise<Running> {
  const server = createServer({ maxHeaderSize: 64 * 1024 }, (incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      response.writeHead(behaviour.outage, { 'x-imitation-error': String(error) }).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const came = pairsOf(incoming.rawHeaders).filter(([name]) => !ofConnection.has(name.toLowerCase()));
    const headers = came.filter(([name]) => behaviour.takesIn(name)).flat();
    const { method = '', url = '' } = incoming;
    const host = incoming.headers.host ?? '';
    const asked: Incoming = { method, url, host, headers, client: incoming.socket.remoteAddress ?? '' };
    const isRefused = came.some(([name]) => behaviour.refuses?.(name));
    const owner = isRefused ? 500 : behaviour.ownerOf(url);
    if (typeof owner === 'number') {
      response.writeHead(owner).end();
      return;
    }
    if (owner === 'gateway') {
      relay(await send(gateway, { method, path: url, headers }, incoming), response, []);
      return;
    }
    const answer = await send(gateway, behaviour.question(asked));
    const status = answer.statusCode ?? 0;
    if (!behaviour.isYes(status)) {
      const instead = behaviour.onNo?.(status, asked);
      if (instead) {
        answer.resume();
        response.writeHead(instead.status, instead.headers).end();
      } else relay(answer, response, []);
      return;
    }
    answer.resume();
    const told = pairsOf(answer.rawHeaders).filter(([name]) => behaviour.tells(name));
    const isTold = (name: string) => told.some(([other]) => other.toLowerCase() === name.toLowerCase());
    const kept = pairsOf(headers).filter(([name]) => !behaviour.removes(name) && !isTold(name));
    const onward = { method, path: url, headers: [...kept, ...told].flat() };
    const cookies = behaviour.cookiesOf(answer.headersDistinct['set-cookie'] ?? []);
    relay(await send(application, onward, incoming), response, cookies);
  }

  return {
    stdout: [],
    stderr: [],
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(
  to: string,
  { method, path, headers }: { method: string; path: string; headers: string[] },
  body?: IncomingMessage,
): Promise<IncomingMessage> {
  const [hostname, port] = to.split(':');
  return new Promise((resolve, reject) => {
    const length = body?.headers['content-length'];
    const framed = length === undefined ? headers : [...headers, 'content-length', length];
    const outgoing = request({ hostname, port, method, path, headers: framed, setHost: false, agent: false });
    outgoing.on('error', reject).on('response', resolve);
    if (body) body.pipe(outgoing);
    else outgoing.end();
  });
}

function relay(answer: IncomingMessage, response: ServerResponse, cookies: string[]): void {
  const headers = pairsOf(answer.rawHeaders).filter(
    ([name]) => !ofConnection.has(name.toLowerCase()) || name.toLowerCase() === 'content-length',
  );
  for (const cookie of cookies) headers.push(['Set-Cookie', cookie]);
  response.writeHead(answer.statusCode ?? 0, headers.flat());
  answer.pipe(response);
}

function pairsOf(raw: readonly string[]): [name: string, value: string][] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ''] as [string, string]] : []));
}

/** The headers of a list, of those that a name picks. */
export function picked(raw: readonly string[], pick: (name: string) => boolean): string[] {
  return pairsOf(raw)
    .filter(([name]) => pick(name))
    .flat();
}

/** Tells names of a list, without case. */
export function oneOf(names: readonly string[]): (name: string) => boolean {
  const lower = new Set(names.map((name) => name.toLowerCase()));
  return (name) => lower.has(name.toLowerCase());
}

/** A path as routers compare it that decode and resolve dots first. */
export function normalised(url: string): string {
  try {
    return decodeURIComponent(new URL(url, 'http://x').pathname);
  } catch {
    return url;
  }
}
