import { createHash } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Test } from 'tap';
import { projectRoot } from '../docs/documents.ts';
import type { Application } from '../support/applications/application.ts';
import { arrangeUpstream } from '../support/arrange.ts';
import { makeCertificate } from '../support/certificate.ts';
import { type Client, createClient } from '../support/client.ts';
import type { ConfigFor } from '../support/fronts.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { logIn } from '../support/log-in.ts';
import { defaultPeople, startProvider } from '../support/provider.ts';
import { echo, type Upstream } from '../support/upstream.ts';

/** A front that ends TLS, the gateway behind it, and an application. */
export interface TerminatorScene {
  /** What browsers see. */
  url: string;
  /** Host and port of it. */
  host: string;
  ca: string;
  gateway: TestGateway;
  application: Upstream;
  /** Somebody who is signed in through the front. */
  client: Client;
  stranger(): Client;
}

/** So many groups that a session takes several cookies: nothing in their names can be compressed. */
const groups = Array.from({ length: 200 }, (_, at) =>
  Buffer.from(`${at * 7919}-${Math.sin(at)}`)
    .toString('base64url')
    .slice(0, 24),
);

/**
 * Starts a front with a file of config/terminator, in which this test's addresses stand instead of the documented ones.
 * @param change what else the front needs
 */
export async function arrangeTerminator(
  t: Test,
  name: string,
  start: (configFor: ConfigFor) => Promise<Application>,
  change: (text: string, place: { port: number; folder: string }) => string,
): Promise<TerminatorScene> {
  const certificate = await makeCertificate('127.0.0.1');
  const ada = { ...defaultPeople.ada, groups };
  const provider = await startProvider({ people: { ada } });
  t.teardown(() => provider.stop());
  const application = await arrangeUpstream(t, answer);
  acceptHandshakes(application);
  let gateway: TestGateway | undefined;
  const front = await start(async ({ port, folder }) => {
    await gateway?.close();
    gateway = await startTestGateway({
      provider,
      config: {
        publicUrl: `https://127.0.0.1:${port}`,
        trustedProxies: ['127.0.0.1'],
        routes: [
          { path: '/', upstream: application.url },
          { path: '/open', upstream: application.url, allow: 'public' },
          { path: '/office', upstream: application.url, allow: [{ networks: ['10.0.0.0/8'] }] },
        ],
      },
      awaitProvider: false,
    });
    const pem = join(folder, 'tls.pem');
    const key = join(folder, 'tls.key');
    await copyFile(certificate.certFile, pem);
    await copyFile(certificate.keyFile, key);
    const text = (await readFile(join(projectRoot, 'config/terminator', name), 'utf8'))
      .replaceAll('127.0.0.1:4180', new URL(gateway.url).host)
      .replaceAll('port_value: 4180', `port_value: ${new URL(gateway.url).port}`)
      .replaceAll('/etc/ssl/app.example.com.pem', pem)
      .replaceAll('/etc/ssl/app.example.com.key', key);
    return change(text, { port, folder });
  });
  t.teardown(() => front.stop());
  t.teardown(() => gateway?.close());
  if (!gateway) throw new Error('no gateway was started');
  const { host } = new URL(front.url);
  const url = `https://${host}`;
  const stranger = () => {
    const client = createClient({ ca: certificate.cert });
    t.teardown(() => client.close());
    return client;
  };
  const client = stranger();
  await logIn(client, url, 'ada', { cookie: '__Host-sallyport' });
  return { url, host, ca: certificate.cert, gateway, application, client, stranger };
}

/** How large a download is. */
export const largeBytes = 20 * 1024 * 1024;

/** An event stream below `/events`, a download at `/large`; the echo anywhere else. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/large') {
    response.end(Buffer.alloc(largeBytes, 'x'));
  } else if (request.url?.startsWith('/events')) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
    request.on('close', () => response.end());
  } else {
    echo(request, response);
  }
}

/** Lets the application accept every handshake, and send back what comes; some fronts check the answer. */
function acceptHandshakes({ server }: Upstream): void {
  server.on('upgrade', (request, socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.on('error', () => socket.destroy());
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\nX-Person: ${request.headers['x-forwarded-user']}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
}
