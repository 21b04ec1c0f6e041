import { TokenRejected } from './rejected.ts';

/** What a client has to show beside its token, by the claim `cnf` (RFC 7800). */
export interface Confirmation {
  /** The thumbprint of the key of its DPoP proofs (RFC 9449 §6.1). */
  jkt: string | undefined;
  /** The digest of its TLS certificate (RFC 8705 §3.1). */
  certificate: string | undefined;
}

/**
 * Reads the claim `cnf`. A member that is not known stands beside a known one without effect (RFC 7800 §3.1), as those
 * of Keycloak do; alone it would be a binding that nobody checks. Throws TokenRejected for one without a known member.
 */
export function readConfirmation(cnf: unknown): Confirmation {
  if (cnf === undefined) return { jkt: undefined, certificate: undefined };
  const { jkt, 'x5t#S256': certificate } = asMap(cnf);
  const isKnown = [jkt, certificate].every((value) => value === undefined || isDigest(value));
  const isEmpty = jkt === undefined && certificate === undefined;
  if (!isKnown || isEmpty) throw new TokenRejected('The token is bound in a way that is not known');
  return { jkt: jkt as string | undefined, certificate: certificate as string | undefined };
}

/** The base64url form of a SHA-256 digest. */
const isDigest = (value: unknown): boolean => typeof value === 'string' && /^[\w-]{43}$/.test(value);

const asMap = (value: unknown): Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
