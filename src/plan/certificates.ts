import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Config, ProviderConfig } from '../config/schema/index.ts';
import type { ReadFile } from '../files.ts';

/** What a certificate is for: to be shown to clients, to be shown to servers, to believe others by, or beside a key. */
export type CertificateRole = 'server' | 'client' | 'authority' | 'signing';

/** A place of the configuration that names certificates. */
export interface NamedCertificates {
  /** The key, such as `listen.tls.cert`; the first one where several keys name the same file. */
  key: string;
  /** How many more keys name the same file for the same purpose. */
  others: number;
  role: CertificateRole;
  /** The path of the file; undefined where the certificates stand in the configuration itself. */
  file: string | undefined;
  /** The certificates themselves, where there is no file. */
  text: string | undefined;
  /** The file of the private key that belongs to the first of them. */
  keyFile: string | undefined;
}

/** How a certificate stands at a time. */
export interface Expiry {
  /** The key, and the file where there is one: `listen.tls.cert (/etc/sallyport/tls.crt)`. */
  what: string;
  key: string;
  file: string | undefined;
  role: CertificateRole;
  /** Whom it names. */
  subject: string;
  /** Milliseconds since the epoch. */
  notBefore: number;
  notAfter: number;
  /** Whole days; below zero when it has ended. */
  daysLeft: number;
  standing: Standing;
  /** It does no harm: an authority that has ended, in a file with others that are good. */
  isSpare: boolean;
  certificate: X509Certificate;
}

/** `ending`: it is good, and ends within the days of warning. */
export type Standing = 'good' | 'ending' | 'ended' | 'not-yet-valid';

const warningDays = 14;
const dayMs = 24 * 60 * 60 * 1000;

type Naming = Omit<NamedCertificates, 'others' | 'text' | 'keyFile'> & Partial<NamedCertificates>;

/** Every place of a configuration that names certificates that are used; a file that several keys name comes once. */
export function certificatesOf(config: Config): NamedCertificates[] {
  const found = new Map<string, NamedCertificates>();
  for (const naming of [...listening(config), ...ofProviders(config), ...ofRoutes(config)]) {
    const place = JSON.stringify([naming.role, naming.file, naming.text, naming.keyFile]);
    const known = found.get(place);
    if (known) known.others += 1;
    else found.set(place, { others: 0, text: undefined, keyFile: undefined, ...naming });
  }
  return [...found.values()];
}

function listening({ listen }: Config): Naming[] {
  return listen.flatMap(({ tls }, index): Naming[] => {
    const place = listen.length === 1 ? 'listen' : `listen[${index}]`;
    return tls ? [{ key: `${place}.tls.cert`, role: 'server', file: tls.cert, keyFile: tls.key }] : [];
  });
}

function ofProviders({ providers, bearer, session: { store, redis } }: Config): Naming[] {
  const authority = (key: string, file: string | undefined): Naming[] =>
    file === undefined ? [] : [{ key, role: 'authority', file }];
  const isRedisUsed = store.kind === 'redis' || redis.url !== undefined;
  return [
    ...Object.entries(providers).flatMap(([name, provider]) => {
      // The one that needs no name has it from the short form.
      const place = name === 'default' ? 'provider' : `providers.${name}`;
      return [...authority(`${place}.ca`, provider.ca), ...ownOf(place, provider)];
    }),
    ...bearer.flatMap(({ ca }, index) => authority(`bearer[${index}].ca`, ca)),
    ...authority('session.redis.ca', isRedisUsed ? redis.ca : undefined),
  ];
}

/** The certificates of the gateway itself at a provider. */
function ownOf(place: string, { tls, privateKey }: ProviderConfig): Naming[] {
  const shown: Naming[] = tls
    ? [{ key: `${place}.tls.cert`, role: 'client', file: tls.cert, keyFile: tls.key }]
    : [];
  if (privateKey === undefined) return shown;
  const key = `${place}.privateKey`;
  const text = privateKey.key.trim();
  const isText = text.startsWith('-----BEGIN') || text.startsWith('{');
  return [
    ...shown,
    isText ? { key, role: 'signing', file: undefined, text } : { key, role: 'signing', file: privateKey.key },
  ];
}

function ofRoutes({ routes }: Config): Naming[] {
  return routes.flatMap(({ tls }, index): Naming[] => {
    if (!tls) return [];
    const place = `routes[${index}].tls`;
    const { ca, cert, key: keyFile } = tls;
    return [
      ...(ca === undefined ? [] : [{ key: `${place}.ca`, role: 'authority' as const, file: ca }]),
      ...(cert === undefined ? [] : [{ key: `${place}.cert`, role: 'client' as const, file: cert, keyFile }]),
    ];
  });
}

/** How a place is named to people. */
export function describePlace({ key, others, file }: NamedCertificates): string {
  const more = others === 0 ? '' : ` and ${others} more`;
  return file === undefined ? key : `${key}${more} (${file})`;
}

/**
 * The certificates of a place, in their order. Throws, with a sentence, when the file cannot be read, when one in it
 * cannot, or when there is none where there should be.
 */
export function readCertificates({ role, file, text }: NamedCertificates, read: ReadFile): X509Certificate[] {
  const found = parseCertificates(text ?? read(file ?? ''));
  // Beside a key there may be one, and seldom is.
  if (found.length === 0 && role !== 'signing') throw new Error('there is no certificate in it');
  return found;
}

/** The labels that OpenSSL knows, and so Node.js. */
const block =
  /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END \1?CERTIFICATE-----|-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;

function parseCertificates(text: string): X509Certificate[] {
  return blocksOf(text).map((each, index) => {
    try {
      return new X509Certificate(each);
    } catch {
      throw new Error(`certificate ${index + 1} in it cannot be read`);
    }
  });
}

/** PEM, or the DER of the `x5c` of a JWK (RFC 7517 §4.7). */
function blocksOf(text: string): (string | Buffer)[] {
  if (!text.trimStart().startsWith('{')) return text.match(block) ?? [];
  try {
    const { x5c } = JSON.parse(text) as { x5c?: unknown };
    return Array.isArray(x5c) ? x5c.map((each) => Buffer.from(String(each), 'base64')) : [];
  } catch {
    // Whoever reads the key says what is wrong with it.
    return [];
  }
}

/** Whether a private key belongs to a certificate. Throws when the text is no key that can be read. */
export function fitsKey(certificate: X509Certificate, key: string): boolean {
  return certificate.checkPrivateKey(createPrivateKey(key));
}

/**
 * How every certificate that a configuration names stands: each of a chain, each authority. What cannot be read is left
 * out: whoever uses it says so.
 * @param read gives the contents of a file
 * @param now milliseconds since the epoch
 */
export function expiriesOf(
  config: Config,
  read: (file: string, place: NamedCertificates) => string,
  now: number,
): Expiry[] {
  return certificatesOf(config).flatMap((place) => {
    try {
      const certificates = readCertificates(place, (file) => read(file, place));
      return expiriesAt(place, certificates, now);
    } catch {
      return [];
    }
  });
}

/** The same of one place. */
export function expiriesAt(
  place: NamedCertificates,
  certificates: readonly X509Certificate[],
  now: number,
): Expiry[] {
  const { key, role, file } = place;
  const isAuthority = role === 'authority';
  const counted = isAuthority ? withoutReplaced(certificates, now) : certificates;
  const hasGood = counted.some((each) => isGood(standingOf(each, now)));
  return counted.map((certificate) => {
    const standing = standingOf(certificate, now);
    return {
      what: describePlace(place),
      key,
      file,
      role,
      subject: nameOf(certificate),
      notBefore: Date.parse(certificate.validFrom),
      notAfter: Date.parse(certificate.validTo),
      daysLeft: Math.floor((Date.parse(certificate.validTo) - now) / dayMs),
      standing,
      isSpare: isAuthority && hasGood && !isGood(standing),
      certificate,
    };
  });
}

const isGood = (standing: Standing) => standing === 'good' || standing === 'ending';

function standingOf({ validFrom, validTo }: X509Certificate, now: number): Standing {
  if (now > Date.parse(validTo)) return 'ended';
  if (now < Date.parse(validFrom)) return 'not-yet-valid';
  return Date.parse(validTo) - now < warningDays * dayMs ? 'ending' : 'good';
}

/** Without authorities of which the same file has a good one that lasts longer: the old one is left there for a while. */
function withoutReplaced(certificates: readonly X509Certificate[], now: number): X509Certificate[] {
  const good = certificates.filter((each) => isGood(standingOf(each, now)));
  const endOf = ({ validTo }: X509Certificate) => Date.parse(validTo);
  return certificates.filter(
    (each) => !good.some((other) => other.subject === each.subject && endOf(other) > endOf(each)),
  );
}

function nameOf({ subject, subjectAltName, serialNumber }: X509Certificate): string {
  const names = subject?.split('\n').join(', ');
  return names || subjectAltName || `serial number ${serialNumber}`;
}
