import { errors } from 'jose';
import { AuthorizationResponseError } from 'openid-client';
import { GatewayError } from '../../errors.ts';
import { scrub } from '../../observe/log.ts';
import { KeysUnavailable } from './keys.ts';
import { answerOf, codeOf, isNetworkError, judge } from './verdict.ts';

/** Codes of openid-client that mean that a token failed one of its checks. */
const tokenChecks: ReadonlySet<string> = new Set([
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
]);

/** The gateway's error for a login that failed at or because of the provider. */
export function loginError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof KeysUnavailable) return loginError(error.cause);
  if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSInvalid)) {
    return new GatewayError('login_token_invalid', { cause: error });
  }
  if (error instanceof AuthorizationResponseError) {
    return new GatewayError('login_refused', {
      detail: `It said: ${readable(error.error_description ?? error.error)}`,
      cause: error,
    });
  }
  if (isNetworkError(error)) return new GatewayError('provider_unavailable', { retryAfter: 5, cause: error });
  if (tokenChecks.has(codeOf(error))) return new GatewayError('login_token_invalid', { cause: error });
  const answer = answerOf(error);
  if (answer.status === undefined) return new GatewayError('login_response_invalid', { cause: error });
  const verdict = judge(answer);
  if (verdict.kind === 'unavailable')
    return new GatewayError('provider_unavailable', { retryAfter: 5, cause: error });
  if (verdict.kind === 'client-rejected')
    return new GatewayError('client_rejected', { retryAfter: 30, cause: error });
  return new GatewayError('login_response_invalid', { cause: error });
}

/** Text of the provider, short and without tokens; the page escapes it. */
function readable(text: string): string {
  return scrub(text).slice(0, 200);
}
