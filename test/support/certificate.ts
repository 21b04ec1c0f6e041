import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A self-signed certificate for 127.0.0.1 and localhost. */
export interface Certificate {
  /** PEM. */
  cert: string;
  key: string;
  /** The same, as files. */
  certFile: string;
  keyFile: string;
}

/** Makes a key and a certificate that nobody trusts unless told to; valid for one day. The files go with the process. */
export async function makeCertificate(commonName = 'localhost'): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-tls-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const options =
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=${commonName} ` +
    `-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ${keyFile} -out ${certFile}`;
  try {
    await promisify(execFile)('openssl', options.split(' '));
  } catch (error) {
    throw new Error('openssl could not make a certificate; install it with "apt-get install openssl"', {
      cause: error,
    });
  }
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  return { cert, key, certFile, keyFile };
}
