import { unwatchFile, watchFile } from 'node:fs';
import type { SecureContextOptions, Server, TlsOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { Config } from '../config/schema/index.ts';
import { type ReadFile, readPromptly } from '../files.ts';
import type { Emit } from '../observe/events.ts';

export type TlsConfig = NonNullable<Config['listen'][number]['tls']>;

/** How often the certificate's files are looked at; renewals come days before the old one ends. */
const pollMs = 5000;

/** @param read gives the contents of a file */
export function readTlsOptions(
  { cert, key, minVersion }: TlsConfig,
  read: ReadFile = readPromptly,
): SecureContextOptions {
  return { cert: read(cert), key: read(key), minVersion };
}

/**
 * Whether clients are asked for a certificate. Any will do: what counts is that it is the one that an access
 * token is bound to (RFC 8705 §3), and that the client has its key, which the handshake shows.
 */
export function clientCertificateOptions({ clientCertificates }: TlsConfig): TlsOptions {
  return clientCertificates === 'request' ? { requestCert: true, rejectUnauthorized: false } : {};
}

/**
 * Puts a renewed certificate to use without a restart. Files that don't fit together, as in the middle of a
 * renewal, leave the one in use alone. Returns the function that stops watching.
 */
export function reloadCertificate(server: Server, config: TlsConfig, emit: Emit): () => void {
  const reload = () => {
    try {
      const options = readTlsOptions(config);
      createSecureContext(options);
      server.setSecureContext(options);
      emit({ kind: 'certificate-reloaded', cert: config.cert });
    } catch (error) {
      emit({ kind: 'certificate-unusable', cert: config.cert, error });
    }
  };
  // Polled: mounted secrets are swapped by symbolic links, which file system events miss.
  for (const file of [config.cert, config.key])
    watchFile(file, { interval: pollMs, persistent: false }, reload);
  return () => {
    for (const file of [config.cert, config.key]) unwatchFile(file, reload);
  };
}
