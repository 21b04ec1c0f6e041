import type { ServerResponse } from 'node:http';
import type { Test } from 'tap';
import { acceptHandshakes } from '../attack/handshake.ts';
import { startOnFreePort } from '../support/applications/application.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createWoundClock, type WoundClock } from '../support/clock.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { defaultPeople, startProvider, type TestProvider } from '../support/provider.ts';
import { echo, type Upstream, type UpstreamHandler } from '../support/upstream.ts';
import { type Front, type Mode, placeFor } from './fronts/front.ts';
import { type Relay, startRelay } from './relay.ts';
import { startWsgi, toWsgi } from './wsgi.ts';

/** A front between browsers, the gateway and an application. */
export interface FrontScene {
  publicUrl: string;
  host: string;
  provider: TestProvider;
  application: Upstream;
  /** Event streams that the application has open. */
  streams: ServerResponse[];
  /** What came with each handshake. */
  handshakes: string[][];
  gateway: TestGateway;
  clock: WoundClock;
  relay: Relay;
}

/** How large a download is. */
export const largeBytes = 20 * 1024 * 1024;

/** Seconds; a tenth of it is how often the session cookie is written again. */
export const idleSeconds = 20;

/** Somebody whose session takes several cookies: nothing in these names can be compressed. */
const crowd = Array.from({ length: 400 }, (_, at) =>
  Buffer.from(`${at * 7919}-${Math.sin(at)}`)
    .toString('base64url')
    .slice(0, 24),
);
const people = {
  ...defaultPeople,
  crowd: {
    name: 'In Many Groups',
    email: 'crowd@example.com',
    email_verified: true,
    groups: ['staff', ...crowd],
  },
};

export interface FrontSceneOptions {
  mode?: Mode;
  http2?: boolean;
  /** The application reads what is no request, as far as Node can. */
  forgiving?: boolean;
}

export async function arrangeFront(
  t: Test,
  front: Front,
  { mode = 'asks', http2 = false, forgiving = false }: FrontSceneOptions = {},
): Promise<FrontScene> {
  const provider = await startProvider({ people });
  t.teardown(() => provider.stop());
  const { application, streams } = await arrangeApplication(t, forgiving);
  const handshakes = acceptHandshakes(application);
  const clock = createWoundClock();
  let gateway: TestGateway | undefined;
  const relay = await startRelay(() => new URL(gateway?.url ?? 'http://127.0.0.1:9').host);
  t.teardown(() => relay.close());
  const proxy = await startOnFreePort(async (port, folder) => {
    const publicUrl = `http://127.0.0.1:${port}`;
    gateway = await startTestGateway({
      provider,
      clock,
      config: configOf(publicUrl, application.url),
      awaitProvider: false,
    });
    t.teardown(gateway.close);
    // Another port is tried then: the front would share this one, and nobody would know who answers.
    if (new URL(gateway.url).port === String(port)) throw new Error('the gateway took the port of the front');
    const addresses = { gateway: relay.address, application: new URL(application.url).host };
    return front.start(placeFor({ port, folder, ...addresses }), { mode, http2 });
  });
  t.teardown(() => proxy.stop());
  if (!gateway) throw new Error('no gateway was started');
  const { host } = new URL(proxy.url);
  return { publicUrl: proxy.url, host, provider, application, streams, handshakes, gateway, clock, relay };
}

function configOf(publicUrl: string, upstream: string): Record<string, unknown> {
  const away = { issuer: 'http://127.0.0.1:9', clientId: 'app', clientSecret: 'never used' };
  return {
    publicUrl,
    trustedProxies: ['127.0.0.1'],
    providers: { away },
    session: { idleTimeout: `${idleSeconds}s` },
    routes: [
      { path: '/', upstream, provider: 'default' },
      { path: '/open', upstream, allow: 'public' },
      { path: '/admins', upstream, provider: 'default', allow: [{ groups: ['admins'] }] },
      { path: '/office', upstream, allow: [{ networks: ['10.0.0.0/8'] }] },
      // A provider that nobody can reach.
      { path: '/away', upstream, provider: 'away' },
    ],
  };
}

/** What an application says of an answer that every cache may keep, and of one that none may. */
export const kept = {
  'cache-control': 'public, max-age=600, s-maxage=900',
  'cdn-cache-control': 'max-age=900',
  'surrogate-control': 'max-age=900',
} as const;
const notKept = { 'cache-control': 'no-store' } as const;

/** Does by path what applications do that fronts get wrong; the echo anywhere else. */
async function arrangeApplication(t: Test, forgiving: boolean) {
  const streams: ServerResponse[] = [];
  const wsgi = await startWsgi();
  t.teardown(() => wsgi.stop());
  const seenByWsgi = toWsgi(wsgi);
  const answer: UpstreamHandler = (request, response) => {
    const path = request.url ?? '';
    const status = /\/status\/(\d{3})/.exec(path)?.[1];
    if (path.includes('/wsgi')) seenByWsgi(request, response);
    else if (path.includes('/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      streams.push(response);
    } else if (path.includes('/large')) response.end(Buffer.alloc(largeBytes, 'x'));
    else if (path.includes('/kept')) {
      response.writeHead(200, path.endsWith('no-store') ? notKept : kept).end('kept');
    } else if (status !== undefined) {
      request.resume();
      response.writeHead(Number(status), { 'content-type': 'text/plain' }).end(`status ${status}`);
    } else echo(request, response);
  };
  const application = await arrangeUpstream(t, answer, { forgiving });
  return { application, streams };
}
