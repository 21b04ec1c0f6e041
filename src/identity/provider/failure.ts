import { errors } from 'jose';
import { AuthorizationResponseError, ResponseBodyError } from 'openid-client';
import { GatewayError } from '../../errors.ts';
import { scrub } from '../../observe/log.ts';
import { KeysUnavailable } from './keys.ts';

/** Codes of openid-client that mean that a token failed one of its checks. */
const tokenChecks: ReadonlySet<string> = new Set([
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
]);

const networkCodes =
  /^(UND_ERR_(?!RES_EXCEEDED)|E[A-Z]+$|OAUTH_TIMEOUT$|OAUTH_ABORT$|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED|ERR_TLS|ERR_SSL)/;

/** The code of an error, or of the cause that it wraps. */
function codeOf(error: unknown): string {
  for (let current = error, depth = 0; current instanceof Error && depth < 4; depth++) {
    const { code } = current as NodeJS.ErrnoException;
    // A limit that passes while the body is read comes as a DOMException, which has numbers for codes.
    if (current.name === 'TimeoutError') return 'OAUTH_TIMEOUT';
    if (typeof code === 'string' && networkCodes.test(code)) return code;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return error instanceof Error ? String((error as NodeJS.ErrnoException).code ?? '') : '';
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof ResponseBodyError) return error.status;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Response || (cause !== null && typeof cause === 'object' && 'status' in cause)
    ? Number(cause.status)
    : undefined;
}

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
  const status = statusOf(error);
  const code = codeOf(error);
  if (networkCodes.test(code) || (status !== undefined && (status >= 500 || status === 429))) {
    return new GatewayError('provider_unavailable', { retryAfter: 5, cause: error });
  }
  if (tokenChecks.has(code)) return new GatewayError('login_token_invalid', { cause: error });
  return new GatewayError('login_response_invalid', { cause: error });
}

/** Text of the provider, short and without tokens; the page escapes it. */
function readable(text: string): string {
  return scrub(text).slice(0, 200);
}
