import { AuthorizationResponseError } from 'openid-client';
import { GatewayError } from '../../errors.ts';
import { scrub } from '../../observe/scrub.ts';
import { text } from '../../pages/texts/text.ts';
import { listed } from './algorithms.ts';
import { isOutage } from './authorization-errors.ts';
import { isNetworkError } from './error-causes.ts';
import { KeysUnavailable } from './key-set.ts';
import { isFailedCheck, refusedAlgorithm } from './token-check-errors.ts';
import { isUnready, judgeError, wasAnswered } from './verdict.ts';

/**
 * The gateway's error for a login that failed at or because of the provider. What the provider says is short and
 * without tokens then; the page escapes it.
 * @param hide takes the secrets that are known out of a text, where somebody is to read it
 */
export function loginError(error: unknown, hide: (text: string) => string = () => ''): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof KeysUnavailable) return loginError(error.cause, hide);
  if (error instanceof AuthorizationResponseError) {
    const said = scrub(hide(error.error_description ?? error.error));
    const options = { detail: text('detail.provider_said', { said }), cause: error };
    return isOutage(error)
      ? new GatewayError('provider_unavailable', { ...options, retryAfter: 5 })
      : new GatewayError('login_refused', options);
  }
  if (isUnready(error)) return new GatewayError('client_rejected', { retryAfter: 30, cause: error });
  if (isNetworkError(error)) return new GatewayError('provider_unavailable', { retryAfter: 5, cause: error });
  const signed = refusedAlgorithm(error);
  if (signed) {
    const detail = text('detail.algorithm_refused', {
      algorithm: signed.algorithm,
      allowed: listed(signed.allowed),
    });
    return new GatewayError('login_token_invalid', { detail, cause: signed });
  }
  if (isFailedCheck(error)) return new GatewayError('login_token_invalid', { cause: error });
  if (!wasAnswered(error)) return new GatewayError('login_response_invalid', { cause: error });
  const verdict = judgeError(error);
  if (verdict.kind === 'unavailable')
    return new GatewayError('provider_unavailable', { retryAfter: 5, cause: error });
  if (verdict.kind === 'client-rejected')
    return new GatewayError('client_rejected', { retryAfter: 30, cause: error });
  return new GatewayError('login_response_invalid', { cause: error });
}
