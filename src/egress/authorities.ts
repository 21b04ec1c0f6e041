import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';

/** From Node 22.15 on it says itself whom it trusts. */
const { getCACertificates } = tls as { getCACertificates?: (kind: 'default') => string[] };

/**
 * The usual authorities, those of `NODE_EXTRA_CA_CERTS` among them, and those of one more
 * file: a configuration that names its own authorities still trusts what Node.js was told to trust.
 * @param ca PEM
 */
export function withUsualAuthorities(ca: string): string[] {
  return [...(getCACertificates?.('default') ?? [...tls.rootCertificates, ...extraAuthorities()]), ca];
}

/** As Node.js does it: a file that cannot be read was warned of at the start, and is left out. */
function extraAuthorities(): string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (file === undefined || file === '') return [];
  try {
    return [readFileSync(file, 'utf8')];
  } catch {
    return [];
  }
}
