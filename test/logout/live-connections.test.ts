import { createServer } from 'node:http';
import tap, { test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { createLiveConnections } from '../../src/forward/live-connections.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { listenOnLoopback } from '../support/listening.ts';
import { spawnGateway } from '../support/spawned-gateway.ts';
import { until } from '../support/until.ts';
import { makeLogoutToken, sendLogout } from './forge.ts';
import {
  arrangeLive,
  closeOf,
  connectSocket,
  echoes,
  openSocket,
  openStream,
  startLiveApplication,
  within,
} from './live.ts';
import { signIn, startLogoutProvider } from './scene.ts';

/** Most of the time is waiting, so the tests wait together. */
tap.jobs = 4;
/** Options of its own for each test: tap keeps the outcome of a test in them. */
const waiting = () => ({ buffered: true });

const ends: Record<string, (scene: Awaited<ReturnType<typeof arrangeLive>>) => Promise<unknown>> = {
  'its person signs out': ({ signOut }) => signOut(),
  'the provider ends it': async ({ provider, gateway }) => {
    const token = await makeLogoutToken(provider, { claims: { sub: 'ada' } });
    await sendLogout(gateway.url, { logout_token: token });
  },
};

for (const [when, end] of Object.entries(ends)) {
  test(`what is open ends with its session when ${when}`, waiting(), async (t) => {
    const application = await startLiveApplication(t);
    const scene = await arrangeLive(t, application);
    const { gateway, ada } = scene;
    const grace = await signIn(t, gateway.url, 'grace');
    const adas = await openSocket(t, gateway.url, ada);
    const graces = await openSocket(t, gateway.url, grace);
    const adasStream = await openStream(t, gateway.url, ada);
    const gracesStream = await openStream(t, gateway.url, grace);
    t.ok((await echoes(adas)) && (await echoes(graces)));

    await end(scene);
    t.match(await within(adas.closed, 1000), { code: 4401, reason: /session/ });
    t.equal(await within(adasStream.ended, 1000), true, 'the stream ends in order');
    await until('the application to know', () => application.sockets[0]?.readyState === WebSocket.CLOSED);
    await until('its stream to end', () => application.streams[0]?.destroyed);
    t.ok(await echoes(graces), 'a socket of somebody else goes on');
    application.streams[1]?.write('data: second\n\n');
    await until('the second event', () => gracesStream.text().includes('second'));
    t.ok(gracesStream.isOpen(), 'and a stream');
  });
}

test('what is open ends at session.maxLifetime', waiting(), async (t) => {
  const application = await startLiveApplication(t);
  const config = { session: { maxLifetime: '4m', idleTimeout: '4m' }, websocket: { onExpiry: 'keep' } };
  const { gateway, ada, clock } = await arrangeLive(t, application, config);
  const socket = await openSocket(t, gateway.url, ada);
  const stream = await openStream(t, gateway.url, ada);
  clock.wind(120_000);
  t.ok((await echoes(socket)) && stream.isOpen(), 'until then it goes on');
  clock.wind(121_000);
  t.match(await within(socket.closed), { code: 4401 });
  t.equal(await within(stream.ended), true);
});

test('what is open ends at the time of its own session, and not before', waiting(), async (t) => {
  const clock = createWoundClock();
  const live = createLiveConnections(clock);
  t.teardown(() => live.close());
  const ended: string[] = [];
  const add = (name: string, seconds: number) =>
    live.add({ endsAt: clock.now() / 1000 + seconds, isRevoked: () => false }, () => ended.push(name));
  add('first', 60);
  const leave = add('left', 60);
  clock.wind(30_000);
  add('second', 60);
  leave();
  t.same(ended, []);
  clock.wind(31_000);
  t.same(ended, ['first']);
  clock.wind(31_000);
  t.same(ended, ['first', 'second']);
});

for (const onExpiry of ['close', 'keep'] as const) {
  test(`at the end of the access token, websocket.onExpiry: ${onExpiry}`, waiting(), async (t) => {
    const application = await startLiveApplication(t);
    const { gateway, ada, clock } = await arrangeLive(
      t,
      application,
      { websocket: { onExpiry } },
      { ttl: { accessToken: 60 } },
    );
    const socket = await openSocket(t, gateway.url, ada);
    const stream = await openStream(t, gateway.url, ada);
    clock.wind(50_000);
    t.ok(await echoes(socket));
    clock.wind(15_000);
    if (onExpiry === 'keep') {
      t.ok(await echoes(socket));
      t.ok(stream.isOpen());
    } else {
      t.match(await within(socket.closed), { code: 4401 });
      t.equal(await within(stream.ended, 1000), true);
      t.equal((await ada.client.get(`${gateway.url}/`)).status, 200, 'the session goes on');
      t.ok(await echoes(await openSocket(t, gateway.url, ada)), 'and opens the next');
    }
  });
}

test('a sign-out closes what is open in every worker', waiting(), async (t) => {
  const application = await startLiveApplication(t);
  const provider = await startLogoutProvider(t);
  const gateway = await spawnGateway({ provider, upstream: application, config: { workers: 2 } });
  t.teardown(() => gateway.stop());
  const ada = await signIn(t, gateway.url, 'ada');
  const sockets = await Promise.all(Array.from({ length: 6 }, () => openSocket(t, gateway.url, ada)));
  await ada.client.navigate(`${gateway.url}/oauth2/sign_out`);
  for (const { closed } of sockets) t.match(await within(closed), { code: 4401 });
});

test('what opens while its session ends is closed too', waiting(), async (t) => {
  const held: (() => void)[] = [];
  const server = createServer((_request, response) => {
    held.push(() => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
    });
  });
  const webSockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    held.push(() => webSockets.handleUpgrade(request, socket, head, () => undefined));
  });
  const application = await listenOnLoopback(server);
  t.teardown(() => application.close());
  const upstream = await arrangeUpstream(t);
  const routes = [
    { path: '/', upstream: upstream.url },
    { path: '/slow', upstream: application.url },
  ];
  const { gateway, ada, signOut } = await arrangeLive(t, upstream, { upstream: undefined, routes });
  const socket = connectSocket(t, `${gateway.url}/slow`, ada);
  const cookie = ada.copiedCookie();
  const opening = ada.client.open(`${gateway.url}/slow/events`, { headers: { cookie } });
  await until('both to be under way', () => held.length === 2);
  await signOut();
  for (const answer of held) answer();
  t.match(await within(socket.closed), { code: 4401 });
  const { answer, destroy } = await opening;
  t.teardown(destroy);
  answer.resume();
  t.equal(await within(closeOf(answer)), true);
});
