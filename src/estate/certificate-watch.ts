import { X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema/index.ts';
import { openFiles, type ReadFile, readPromptly } from '../files.ts';
import type { TlsConfig } from '../listen/tls.ts';
import type { Emit } from '../observe/events.ts';
import { type Expiry, expiriesOf, fitsKey } from '../plan/certificates.ts';
import type { Degraded } from './health.ts';

/** Looks after the certificates of the configuration in force, so that none runs out unnoticed. */
export interface CertificateWatch {
  /** From now on it looks at those of another configuration, whose files are as they were taken into use. */
  adopt(version: Version): void;
  /** How each of them stands, as of the last look. */
  expiries(): readonly Expiry[];
  /** Those that need somebody soon. */
  expiring(): Degraded[];
  close(): void;
}

/** A configuration with its files. */
interface Version {
  config: Config;
  files: { read: ReadFile };
}

/** How often it looks: a renewed certificate ends its warning within this time. */
const lookMs = 60_000;
/** How long nothing is said of a certificate of which something was said. */
const quietMs = 24 * 60 * 60 * 1000;

/**
 * Has to run once for each gateway, which may be several processes: each line comes once a day for each certificate.
 */
export function watchCertificates({ emit, clock }: { emit: Emit; clock: Clock }): CertificateWatch {
  let inForce: Version | undefined;
  /** What listeners have taken up since then, by the file of the certificate. */
  const taken = new Map<string, string>();
  let found: readonly Expiry[] = [];
  /** When something was said of a certificate, by what and how it was. */
  let said = new Map<string, number>();

  const look = () => {
    if (!inForce) return;
    const { config, files } = inForce;
    for (const { tls } of config.listen) {
      if (!tls) continue;
      const cert = renewedOf(tls, taken.get(tls.cert));
      if (cert !== undefined) taken.set(tls.cert, cert);
    }
    found = expiriesOf(
      config,
      (file, { role }) => (role === 'server' ? taken.get(file) : undefined) ?? files.read(file),
      clock.now(),
    );
    const still = new Map<string, number>();
    for (const expiry of found.filter(needsSomebody)) {
      const key = `${expiry.what} ${expiry.certificate.fingerprint256} ${expiry.standing}`;
      const saidAt = said.get(key);
      const isQuiet = saidAt !== undefined && clock.monotonic() - saidAt < quietMs;
      still.set(key, isQuiet ? saidAt : clock.monotonic());
      if (!isQuiet) tell(emit, expiry);
    }
    said = still;
  };
  const timer = clock.every(lookMs, look).unref();

  return {
    adopt(version) {
      inForce = version;
      taken.clear();
      look();
    },
    expiries: () => found,
    expiring: () => soonest(found.filter(needsSomebody)).map(degradedBy),
    close: () => timer.cancel(),
  };
}

/** An authority that has ended is no news where others in its file are good. */
const needsSomebody = ({ standing, isSpare }: Expiry) => standing !== 'good' && !isSpare;

/**
 * The certificate of a listener as its file is now, where it is another one and fits its key: the listener takes it up by
 * itself. All other files wait for a reload.
 */
function renewedOf({ cert, key }: TlsConfig, known: string | undefined): string | undefined {
  try {
    const { read } = openFiles({}, readPromptly);
    const text = read(cert);
    return text !== known && fitsKey(new X509Certificate(text), read(key)) ? text : undefined;
  } catch {
    // In the midst of a renewal. The listener says so when they do not fit together.
    return undefined;
  }
}

function tell(emit: Emit, { key, file, subject, standing, notBefore, notAfter, daysLeft }: Expiry): void {
  if (standing === 'good') return;
  const [notBeforeAt, notAfterAt] = [notBefore, notAfter].map((time) => new Date(time).toISOString());
  emit({
    kind: 'certificate-expiring',
    key,
    cert: file,
    names: subject,
    standing,
    notBefore: standing === 'not-yet-valid' ? notBeforeAt : undefined,
    notAfter: notAfterAt,
    daysLeft,
  });
}

/** Of several certificates of one key, the one that ends first. */
function soonest(expiries: readonly Expiry[]): Expiry[] {
  return expiries.filter(({ key, notAfter }) => {
    const first = Math.min(...expiries.filter((other) => other.key === key).map((other) => other.notAfter));
    return notAfter === first;
  });
}

function degradedBy({ key, standing, daysLeft }: Expiry): Degraded {
  const left = daysLeft < 1 ? 'less than a day' : daysLeft === 1 ? 'one day' : `${daysLeft} days`;
  const isIn =
    standing === 'ending' ? `ends in ${left}` : standing === 'ended' ? 'has ended' : 'is not valid yet';
  return { reason: 'certificate_expiring', name: key, detail: `a certificate ${isIn}` };
}
