import { createPublicKey, X509Certificate } from 'node:crypto';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { rsaKeyPair } from '../support/rsa.ts';

/** Where everything of a run is, and the keys that both sides know. */
export interface Setting {
  /** Of the gateway: a redirect URI is registered before there is one. */
  gateway: { port: number; adminPort: number; url: string };
  /** Of the suite, as clients see it; `mtlsUrl` asks them for certificates. */
  suite: { url: string; mtlsUrl: string };
  /** What names the tests of this run at the suite. */
  alias: string;
  /** Authorities of both addresses of the suite, a PEM file. */
  ca: string;
  /** Of the gateway as a server. */
  server: Certificate;
  keys: ClientKeys;
}

/** What the gateway signs and shows as a client, and how a provider registers it. */
export interface ClientKeys {
  /** One key of RSA in two registrations, which differ in the algorithm. */
  rsaPem: string;
  rs256: RegisteredKey;
  ps256: RegisteredKey;
  /** A certificate that signed itself, and its key as a provider registers it. */
  own: Certificate;
  ownKey: RegisteredKey;
  /** One that an authority signed for a subject that is registered. */
  issued: Certificate;
  issuedSubject: string;
}

export type RegisteredKey = Readonly<Record<string, unknown>> & { kid: string };

export async function makeSetting(suite: Setting['suite'], ca: string, alias: string): Promise<Setting> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const server = await makeCertificate('localhost');
  return {
    gateway: { port, adminPort, url: `https://localhost:${port}` },
    suite: { url: suite.url, mtlsUrl: suite.mtlsUrl },
    alias,
    ca,
    server,
    keys: await makeKeys(),
  };
}

async function makeKeys(): Promise<ClientKeys> {
  const { privateKey, publicKey } = rsaKeyPair('client');
  const half = { ...publicKey.export({ format: 'jwk' }), use: 'sig' };
  const own = await makeCertificate('sallyport');
  const authority = await makeCertificate('authority');
  const issued = await makeCertificate('sallyport-issued', { issuer: authority });
  return {
    rsaPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    rs256: { ...half, kid: 'rs-1', alg: 'RS256' },
    ps256: { ...half, kid: 'ps-1', alg: 'PS256' },
    own,
    ownKey: {
      ...createPublicKey(own.cert).export({ format: 'jwk' }),
      kid: 'own-1',
      use: 'sig',
      x5c: [new X509Certificate(own.cert).raw.toString('base64')],
    },
    issued,
    issuedSubject: 'CN=sallyport-issued',
  };
}
