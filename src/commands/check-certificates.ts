import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, rootCertificates } from 'node:tls';
import type { Config } from '../config/schema/index.ts';
import type { ReadFile } from '../files.ts';
import { describeError } from '../observe/scrub.ts';
import {
  certificatesOf,
  describePlace,
  type Expiry,
  expiriesAt,
  fitsKey,
  type NamedCertificates,
  readCertificates,
} from '../plan/certificates.ts';

/** What was found out about a certificate. */
export interface CertificateFinding {
  level: 'ok' | 'note' | 'fail';
  /** The key of the configuration that names it. */
  key: string;
  subject: string;
  /** What is wrong, or may be; with what to do. */
  reason: string | undefined;
}

type Found = Omit<CertificateFinding, 'key'>;

/** A file of authorities has hundreds where it is that of the system: only what is wrong with one gets a line then. */
const mostLines = 3;

/**
 * Looks at every certificate that a configuration names: how long it is good, whether its key fits, whether it is for
 * the hosts that browsers see, and whether its issuer comes along.
 * @param now milliseconds since the epoch
 */
export function checkCertificates(config: Config, read: ReadFile, now: number): CertificateFinding[] {
  return certificatesOf(config).flatMap((place) =>
    checkPlace(place, config, read, now).map((found) => ({ ...found, key: place.key })),
  );
}

function checkPlace(place: NamedCertificates, config: Config, read: ReadFile, now: number): Found[] {
  const what = `certificate ${describePlace(place)}`;
  let certificates: X509Certificate[];
  try {
    certificates = readCertificates(place, read);
  } catch (error) {
    // A private key has a line of its own.
    return place.role === 'signing' ? [] : [{ level: 'fail', subject: what, reason: describeError(error) }];
  }
  const [leaf] = certificates;
  const key = leaf && keyFinding(place, leaf, read, what);
  const expiries = expiriesAt(place, certificates, now);
  const lines = expiries.map((expiry) => expiryFinding(what, expiry));
  return [
    ...(lines.length > mostLines ? shortened(what, lines) : lines),
    ...(key ? [key] : []),
    ...(place.role === 'server' ? hostFindings(certificates, config.publicUrl, what) : []),
    ...(place.role === 'authority' ? [] : chainFindings(place, certificates, what)),
  ];
}

function shortened(what: string, lines: readonly Found[]): Found[] {
  const wrong = lines.filter(({ level }) => level !== 'ok');
  const good = lines.length - wrong.length;
  return good === 0
    ? wrong
    : [{ level: 'ok', subject: `${what}: ${good} certificates are good`, reason: undefined }, ...wrong];
}

function expiryFinding(what: string, expiry: Expiry): Found {
  const { standing, isSpare, notBefore, notAfter, daysLeft } = expiry;
  const subject = `${what}: ${expiry.subject}`;
  const day = (time: number) => new Date(time).toISOString().slice(0, 10);
  const left = daysLeft === 1 ? 'one day' : `${daysLeft} days`;
  switch (standing) {
    case 'good':
      return { level: 'ok', subject: `${subject}, good until ${day(notAfter)} (${left})`, reason: undefined };
    case 'ending':
      return { level: 'note', subject, reason: `it ends on ${day(notAfter)} (${left}): renew it` };
    case 'ended':
      return {
        level: isSpare ? 'note' : 'fail',
        subject,
        reason: `it ended on ${day(notAfter)}: ${isSpare ? 'take it out' : 'renew it'}`,
      };
    case 'not-yet-valid':
      return {
        level: isSpare ? 'note' : 'fail',
        subject,
        reason: `it is not valid before ${new Date(notBefore).toISOString()}: is the clock right?`,
      };
  }
}

function keyFinding(
  { file, keyFile }: NamedCertificates,
  leaf: X509Certificate,
  read: ReadFile,
  what: string,
): Found | undefined {
  if (file === undefined || keyFile === undefined) return undefined;
  const fail = (reason: string): Found => ({ level: 'fail', subject: what, reason });
  try {
    if (!fitsKey(leaf, read(keyFile)))
      return fail(`the key ${keyFile} does not fit it: its own certificate has to come first in the file`);
  } catch (error) {
    return fail(`the key ${keyFile} cannot be read: ${describeError(error)}`);
  }
  try {
    // As it is used: a key may be too short.
    createSecureContext({ cert: read(file), key: read(keyFile) });
    return undefined;
  } catch (error) {
    return fail(describeError(error));
  }
}

/** A note only: where something in front ends TLS, browsers see another one. */
function hostFindings(
  [leaf]: readonly X509Certificate[],
  publicUrl: readonly string[],
  what: string,
): Found[] {
  const hosts = publicUrl.map((origin) => new URL(origin).hostname.replace(/^\[|\]$/g, ''));
  return [...new Set(hosts)]
    .filter((host) => leaf && !isFor(leaf, host))
    .map((host) => ({
      level: 'note',
      subject: what,
      reason: `it is not for ${host} of publicUrl; browsers that see it refuse it. It is for ${leaf?.subjectAltName ?? 'no host'}`,
    }));
}

function isFor(certificate: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return certificate.checkIP(host) !== undefined;
  // As browsers do, which do not look at the common name (RFC 9525 §2).
  return certificate.checkHost(host, { subject: 'never' }) !== undefined;
}

function chainFindings(
  { role }: NamedCertificates,
  certificates: readonly X509Certificate[],
  what: string,
): Found[] {
  const note = (reason: string): Found => ({ level: 'note', subject: what, reason });
  const [leaf] = certificates;
  if (!leaf) return [];
  if (certificates.length === 1)
    // Servers that ask for a certificate mostly know its issuer themselves.
    return role !== 'server' || isSelfIssued(leaf) || isKnownIssuer(leaf)
      ? []
      : [note('its issuer does not come along: append the certificates between it and the root')];
  return certificates.flatMap((issuer, index) => {
    const issued = certificates[index - 1];
    return issued && !isIssuedBy(issued, issuer)
      ? [note(`certificate ${index + 1} in it did not issue the one before it: some clients refuse that`)]
      : [];
  });
}

const isSelfIssued = (certificate: X509Certificate) => certificate.subject === certificate.issuer;

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate) =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/** A root itself need not come along. */
function isKnownIssuer(certificate: X509Certificate): boolean {
  return rootCertificates.some((root) => new X509Certificate(root).subject === certificate.issuer);
}
