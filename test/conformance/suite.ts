import { mkdtemp, rm } from 'node:fs/promises';
import { request as sendHttp } from 'node:http';
import { Agent, createServer, type RequestOptions, request as sendHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { startChild } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { listenOnLoopback } from '../support/listening.ts';

/** The suite at work. */
export interface Suite {
  url: string;
  mtlsUrl: string;
  /** What its certificates are checked against, a PEM file. */
  ca: string;
  api: SuiteApi;
  stop(): Promise<void>;
}

export interface SuiteApi {
  get<T>(path: string, query?: Record<string, string>): Promise<T>;
  post<T>(path: string, query?: Record<string, string>, body?: unknown): Promise<T>;
  delete(path: string): Promise<void>;
}

export interface SuiteOptions {
  /** The program, as `mvn package` made it. */
  jar: string;
  java: string;
  /** The address of the data base that it keeps its results in. */
  mongodb: string;
  say(line: string): void;
}

/** Starts the suite on free ports of 127.0.0.1, behind two addresses that speak TLS, as its own front does. */
export async function startSuite({ jar, java, mongodb, say }: SuiteOptions): Promise<Suite> {
  const certificate = await makeCertificate('localhost', { days: 2 });
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-conformance-'));
  const port = await freePort();
  const fronts = [await openFront(port, certificate, false), await openFront(port, certificate, true)];
  const [url = '', mtlsUrl = ''] = fronts.map((front) => `https://localhost:${front.port}`);
  const api = apiOf(url, certificate.cert);
  const child = await startChild(
    java,
    [
      '-Xmx1500m',
      '-Djdk.tls.maxHandshakeMessageSize=65536',
      `-Djava.io.tmpdir=${folder}`,
      '-jar',
      jar,
      '--spring.profiles.active=dev',
      `--server.port=${port}`,
      '--server.address=127.0.0.1',
      `--spring.mongodb.uri=${mongodb}`,
      '--openid.mongodb.targetFeatureCompatibilityVersion=',
      `--fintechlabs.base_url=${url}`,
      `--fintechlabs.base_mtls_url=${mtlsUrl}`,
      '--spring.devtools.livereload.enabled=false',
    ],
    {
      ready: () => api.get('server').then(Boolean, () => false),
      readyWithin: 300_000,
      cwd: folder,
    },
  );
  say('the suite runs');
  return {
    url,
    mtlsUrl,
    ca: certificate.certFile,
    api,
    async stop() {
      await child.stop();
      await Promise.all(fronts.map((front) => front.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** TLS in front of the suite, which is told by headers what the client showed. */
async function openFront(port: number, { cert, key }: Certificate, asksForCertificate: boolean) {
  const asks = asksForCertificate && { requestCert: true, rejectUnauthorized: false };
  const server = createServer({ cert, key, ...asks }, (request, response) => {
    const socket = request.socket as TLSSocket;
    const { raw } = socket.getPeerCertificate();
    const headers: Record<string, string | string[] | undefined> = {
      ...request.headers,
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'localhost',
      'x-forwarded-port': String(socket.localPort),
      'x-forwarded-for': '127.0.0.1',
      'x-ssl-protocol': String(socket.getProtocol()),
      'x-ssl-cipher': socket.getCipher().standardName,
      ...(raw && { 'x-ssl-cert': pemOf(raw) }),
    };
    if (!asksForCertificate && request.url?.startsWith('/test-mtls'))
      headers['x-test-mtls-called-on-wrong-host'] = 'true';
    const { method = 'GET', url = '/' } = request;
    const inner = sendHttp({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    inner.on('error', () => response.destroy());
    request.pipe(inner);
  });
  return listenOnLoopback(server, 'https');
}

/** In one line, as a header holds it; the suite breaks it at its blanks. */
const pemOf = (raw: Buffer): string =>
  `-----BEGIN CERTIFICATE----- ${raw.toString('base64').replace(/.{64}/g, '$& ')} -----END CERTIFICATE-----`;

function apiOf(url: string, ca: string): SuiteApi {
  const agent = new Agent({ ca, keepAlive: false });
  const call = async <T>(method: string, path: string, query = {}, body?: unknown): Promise<T> => {
    const address = new URL(`${url}/api/${path}`);
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, String(value));
    const text = body === undefined ? undefined : JSON.stringify(body);
    const { status, answer } = await send(address, { method, agent }, text);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${answer.slice(0, 300)}`);
    return (answer === '' ? undefined : JSON.parse(answer)) as T;
  };
  return {
    get: (path, query) => call('GET', path, query),
    post: (path, query, body) => call('POST', path, query, body),
    delete: (path) => call('DELETE', path),
  };
}

function send(address: URL, options: RequestOptions, body: string | undefined) {
  return new Promise<{ status: number; answer: string }>((resolve, reject) => {
    const headers = { accept: 'application/json', 'content-type': 'application/json' };
    const asked = sendHttps(address, { ...options, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, answer: Buffer.concat(chunks).toString() }),
      );
    });
    asked.setTimeout(60_000, () => asked.destroy(new Error('the suite does not answer')));
    asked.on('error', reject);
    asked.end(body);
  });
}

export interface TestInfo {
  status: string;
  result?: string;
}

/** Waits until a test stands in one of these ways, or was interrupted, or the time has passed. */
export async function waitFor(
  api: SuiteApi,
  id: string,
  states: readonly string[],
  seconds: number,
): Promise<TestInfo> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const info = await api.get<TestInfo>(`info/${id}`);
    if (states.includes(info.status) || info.status === 'INTERRUPTED' || performance.now() > end) return info;
    // Each question costs the suite much.
    await wait(300);
  }
}
