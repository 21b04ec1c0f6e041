import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Test } from 'tap';
import { type WebSocket as ServerSocket, WebSocket, WebSocketServer } from 'ws';
import type { OpenAnswer } from '../support/client.ts';
import { createWoundClock } from '../support/clock.ts';
import { type GatewayParts, startTestGateway } from '../support/gateway.ts';
import { listenOnLoopback } from '../support/listening.ts';
import type { ProviderOptions } from '../support/provider.ts';
import { until } from '../support/until.ts';
import { signIn, startLogoutProvider, type Visitor } from './scene.ts';

/** An application with event streams at `/events` and WebSockets everywhere. */
export async function startLiveApplication(t: Test) {
  const streams: ServerResponse[] = [];
  const sockets: ServerSocket[] = [];
  const server = createServer((request, response) => {
    if (request.url !== '/events') {
      response.end('hello');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
    streams.push(response);
  });
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('message', (message, binary) => socket.send(message as Buffer, { binary }));
  });
  const listening = await listenOnLoopback(server);
  t.teardown(() => listening.close());
  return { ...listening, streams, sockets };
}

/** A gateway in front of an application, with Ada signed in. */
export async function arrangeLive(
  t: Test,
  upstream: { url: string },
  config: GatewayParts['config'] = {},
  options: ProviderOptions = {},
) {
  const provider = await startLogoutProvider(t, options);
  const clock = createWoundClock();
  const gateway = await startTestGateway({ provider, upstream, config, clock });
  t.teardown(() => gateway.close());
  // With sessions in Redis nobody signs in before it has answered.
  await until('the store', async () => (await fetch(`${gateway.url}/oauth2/health`)).status === 200);
  const ada = await signIn(t, gateway.url, 'ada');
  const signOut = () => ada.client.navigate(`${gateway.url}/oauth2/sign_out`);
  return { provider, gateway, ada, signOut, clock };
}

/** A WebSocket of somebody who is signed in. */
export interface LiveSocket {
  socket: WebSocket;
  /** Its messages so far. */
  messages: Buffer[];
  /** The bytes that have come, of messages that are not whole too. */
  bytesRead(): number;
  /** Resolves when it was closed; 1006 stands for a connection that just broke. */
  closed: Promise<{ code: number; reason: string }>;
}

/** Begins to open a WebSocket. */
export function connectSocket(t: Test, gatewayUrl: string, visitor: Visitor): LiveSocket {
  const socket = new WebSocket(gatewayUrl.replace('http', 'ws'), {
    headers: { cookie: visitor.copiedCookie() },
    maxPayload: 64 << 20,
    perMessageDeflate: false,
  });
  const messages: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('message', (message) => messages.push(message as Buffer));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  t.teardown(() => socket.terminate());
  let connection: Socket | undefined;
  socket.on('upgrade', (answer) => {
    connection = answer.socket;
  });
  return { socket, messages, closed, bytesRead: () => connection?.bytesRead ?? 0 };
}

/** Opens a WebSocket. */
export async function openSocket(t: Test, gatewayUrl: string, visitor: Visitor): Promise<LiveSocket> {
  const live = connectSocket(t, gatewayUrl, visitor);
  await once(live.socket, 'open');
  return live;
}

/** Whether messages still come back. */
export async function echoes({ socket, messages }: LiveSocket): Promise<boolean> {
  const text = randomBytes(8).toString('hex');
  socket.send(text);
  return until('an echo', () => messages.some((message) => String(message) === text));
}

/** Opens the event stream and waits for its first event. */
export async function openStream(t: Test, gatewayUrl: string, visitor: Visitor) {
  const stream: OpenAnswer = await visitor.client.open(`${gatewayUrl}/events`);
  t.teardown(() => stream.destroy());
  let text = '';
  stream.answer.on('data', (chunk) => {
    text += String(chunk);
  });
  const ended = closeOf(stream.answer);
  await until('the first event', () => text.includes('first'));
  return { ended, isOpen: () => !stream.answer.closed, text: () => text };
}

/** Resolves when nothing more of an answer will come: true when it is complete. */
export function closeOf(answer: IncomingMessage): Promise<boolean> {
  answer.on('error', () => undefined);
  return new Promise((resolve) => {
    answer.on('close', () => resolve(answer.complete));
  });
}

/** What a promise gives, unless it takes longer. */
export const within = <T>(promise: Promise<T>, ms = 5000): Promise<T | 'still open'> =>
  Promise.race([promise, wait(ms, 'still open' as const, { ref: false })]);
