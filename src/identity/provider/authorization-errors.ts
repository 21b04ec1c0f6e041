import { AuthorizationResponseError } from 'openid-client';
import { GatewayError } from '../../errors.ts';

/** RFC 9126 §4: a pushed request is good for a short time; a login that took longer at the provider may begin again. */
export function isExpiredRequest(error: unknown): boolean {
  const cause = error instanceof GatewayError ? error.cause : undefined;
  return cause instanceof AuthorizationResponseError && cause.error === 'invalid_request_uri';
}

/**
 * Whether a provider may have refused a login for a prompt that it does not know (OpenID Connect Core §3.1.2.6), and
 * neither the person nor an outage ended it.
 */
export function isRefusedPrompt(error: unknown): boolean {
  const cause = error instanceof GatewayError ? error.cause : undefined;
  return cause instanceof AuthorizationResponseError && cause.error !== 'access_denied' && !isOutage(cause);
}

/**
 * A 500 and a 503, which a redirect cannot say (RFC 6749 §4.1.2.1). Ory Hydra, and whatever else is made with its
 * library, calls the first `error` where it has no better name.
 */
const outages: ReadonlySet<string> = new Set(['server_error', 'temporarily_unavailable', 'error']);

/** Whether an authorization response says that the provider is out, and nothing of the person. */
export const isOutage = ({ error }: AuthorizationResponseError): boolean => outages.has(error);
