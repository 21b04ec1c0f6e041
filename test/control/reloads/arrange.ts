import { type WebSocket, WebSocketServer } from 'ws';
import { type Client, createClient } from '../../support/client.ts';
import { logIn } from '../../support/log-in.ts';
import { type Person, startProvider, type TestProvider } from '../../support/provider.ts';
import { startUpstream, type Upstream } from '../../support/upstream.ts';
import { numberHeader } from './variants.ts';

/** A provider of so many people, which takes each refresh token once. */
export async function startRotatingProvider(count: number, accessToken: number): Promise<TestProvider> {
  const people: Record<string, Person> = {};
  for (let index = 0; index < count; index++)
    people[`person${index}`] = { name: `Person ${index}`, email: `person${index}@example.com` };
  return startProvider({
    people,
    rotateRefreshTokens: true,
    ttl: { accessToken },
  });
}

/** It says by which file it was asked, and echoes WebSockets. */
export async function startApplication(): Promise<Upstream> {
  const upstream = await startUpstream((message, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(`${message.headers[numberHeader] ?? ''} ${'x'.repeat(1024)}`);
  });
  const server = new WebSocketServer({ server: upstream.server });
  server.on('connection', (socket: WebSocket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (message, isBinary) => socket.send(message as Buffer, { binary: isBinary }));
  });
  return upstream;
}

/** Signs everybody in, each in a browser of their own. */
export async function signIn(
  url: string,
  { people }: TestProvider,
  count: number,
): Promise<Map<string, Client>> {
  const clients = new Map<string, Client>();
  for (const name of Object.keys(people).slice(0, count)) {
    const client = createClient();
    await logIn(client, url, name);
    clients.set(name, client);
  }
  return clients;
}

/** Counts the refresh tokens that come to the provider, and tells of those that came before. */
export function countRefreshes(provider: TestProvider) {
  const seen = new Map<string, { sentAt: number; end: string }>();
  const secondRefreshes: string[] = [];
  const begun = performance.now();
  const time = () => Math.round(performance.now() - begun);
  provider.tamper(async (hit) => {
    if (hit.path !== '/token') return hit.pass();
    const token = new URLSearchParams(await hit.body()).get('refresh_token');
    if (token === null) return hit.pass();
    const before = seen.get(token);
    if (before)
      secondRefreshes.push(`sent at ${before.sentAt} ms (${before.end}), and at ${time()} ms again`);
    const use = { sentAt: time(), end: 'no answer yet' };
    seen.set(token, use);
    hit.response.on('close', () => {
      if (!hit.response.writableFinished) use.end = `the gateway left at ${time()} ms`;
    });
    const answer = await hit.original();
    use.end = `answered ${answer.status} at ${time()} ms`;
    return hit.send(answer);
  });
  return () => ({ refreshes: seen.size, secondRefreshes });
}
