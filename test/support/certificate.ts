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

export interface CertificateOptions {
  /** How long it is valid (1). */
  days?: number;
  /** Whom it is for, as the extension subjectAltName (`DNS:localhost,IP:127.0.0.1`). */
  names?: string;
  /** Who signs it; itself when absent. */
  issuer?: Certificate;
}

const folders: string[] = [];
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Makes a key and a certificate that nobody trusts unless told to. The files go with the process. */
export async function makeCertificate(
  commonName = 'localhost',
  { days = 1, names = 'DNS:localhost,IP:127.0.0.1', issuer }: CertificateOptions = {},
): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-tls-'));
  folders.push(folder);
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const options =
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days ${days} -subj /CN=${commonName} ` +
    `-addext subjectAltName=${names} -keyout ${keyFile} -out ${certFile}` +
    (issuer ? ` -CA ${issuer.certFile} -CAkey ${issuer.keyFile}` : '');
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
