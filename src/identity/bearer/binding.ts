import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Shared } from '../../session/shared/shared.ts';
import type { Maybe } from '../../session/stores/store.ts';
import { type ProvenRequest, verifyProof } from './dpop.ts';
import type { Presented } from './presented.ts';
import { TokenRejected } from './rejected.ts';

/** What a client has to show beside its token, by the claim `cnf` (RFC 7800). */
export interface Confirmation {
  /** The thumbprint of the key of its DPoP proofs (RFC 9449 §6.1). */
  jkt: string | undefined;
  /** The digest of its TLS certificate (RFC 8705 §3.1). */
  certificate: string | undefined;
}

/** Reads the claim `cnf`. Throws TokenRejected for one that asks for anything that is not known here. */
export function readConfirmation(cnf: unknown): Confirmation {
  if (cnf === undefined) return { jkt: undefined, certificate: undefined };
  const { jkt, 'x5t#S256': certificate, ...others } = asMap(cnf);
  const isKnown = [jkt, certificate].every((value) => value === undefined || isDigest(value));
  const isEmpty = jkt === undefined && certificate === undefined;
  if (!isKnown || isEmpty || Object.keys(others).length > 0)
    throw new TokenRejected('The token is bound in a way that is not known');
  return { jkt: jkt as string | undefined, certificate: certificate as string | undefined };
}

/** The base64url form of a SHA-256 digest. */
const isDigest = (value: unknown): boolean => typeof value === 'string' && /^[\w-]{43}$/.test(value);

const asMap = (value: unknown): Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};

/** A request that brings a token, as far as its binding goes. */
export interface BoundRequest extends Omit<ProvenRequest, 'accessToken'> {
  message: IncomingMessage;
}

/**
 * Checks that who sends the token is who it was given to. It answers at once for a token that is bound to no
 * key. Throws or rejects with TokenRejected.
 */
export function checkBinding(
  { jkt, certificate }: Confirmation,
  { scheme, token }: Presented,
  asked: () => BoundRequest,
  once: Shared['once'],
): Maybe<void> {
  // RFC 9449 §7.2: else a stolen token could be used by leaving the proof away.
  if (scheme === 'Bearer' && jkt !== undefined)
    throw new TokenRejected('The token is bound to a key and comes without a proof');
  if (scheme === 'DPoP' && jkt === undefined) throw new TokenRejected('The token is bound to no key');
  if (jkt === undefined && certificate === undefined) return;
  const { message, method, url } = asked();
  if (certificate !== undefined && certificateDigest(message) !== certificate)
    throw new TokenRejected('The token is bound to a certificate that the client did not show');
  if (jkt === undefined) return;
  const { dpop } = message.headers;
  const proof = Array.isArray(dpop) ? dpop.join(', ') : dpop;
  return verifyProof(proof, jkt, { method, url, accessToken: token }, once);
}

/** The digest of the client's TLS certificate; its handshake has shown that it has the key. */
function certificateDigest({ socket }: IncomingMessage): string | undefined {
  const raw = (socket as Partial<TLSSocket>).getPeerX509Certificate?.()?.raw;
  return raw && hash('sha256', raw, 'base64url');
}
