import { hash } from 'node:crypto';
import type { Inbound } from '../../listen/inbound.ts';
import type { Maybe } from '../../session/stores/store.ts';
import type { Confirmation } from '../tokens/confirmation.ts';
import { TokenRejected } from '../tokens/rejected.ts';
import { type ProofNeeds, type ProvenRequest, verifyProof } from './dpop.ts';
import type { Presented } from './presented.ts';

/** A request that brings a token, as far as its binding goes. */
export interface BoundRequest extends Omit<ProvenRequest, 'accessToken'> {
  message: Pick<Inbound, 'headers' | 'socket'>;
}

/**
 * Checks that who sends the token is who it was given to. It answers at once for a token that is bound to no
 * key. Throws or rejects with TokenRejected.
 */
export function checkBinding(
  { jkt, certificate }: Confirmation,
  { scheme, token }: Presented,
  asked: () => BoundRequest,
  needs: ProofNeeds,
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
  return verifyProof(proof, jkt, { method, url, accessToken: token }, needs);
}

/** The digest of the client's TLS certificate; its handshake has shown that it has the key. */
function certificateDigest({ socket }: Pick<Inbound, 'socket'>): string | undefined {
  const raw = socket.getPeerX509Certificate?.()?.raw;
  return raw && hash('sha256', raw, 'base64url');
}
