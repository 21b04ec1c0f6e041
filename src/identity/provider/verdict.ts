import { ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { scrub } from '../../observe/log.ts';
import { EndpointError, type ProviderAnswer, retryAfterIn } from './endpoint-error.ts';
import { readOAuthError } from './token-answer.ts';

/** What it means, and for whom. `reason` is for the log. */
export type Verdict =
  /** What was asked about is over: the provider says so of this one grant. */
  | { kind: 'ended'; reason: string; code: string }
  /** It concerns this one session, and may pass. */
  | { kind: 'parked'; reason: string }
  /** The provider does not take the gateway as its client: the operator's to mend, whoever asks. */
  | { kind: 'client-rejected'; reason: string }
  /** It says nothing about anybody: the provider is out, or has too much to do. */
  | { kind: 'unavailable'; reason: string; retryAfter: number | undefined };

/**
 * Errors that speak of one grant (RFC 6749 §5.2, OpenID Connect Core §3.1.2.6, RFC 6750 §3.1). Dex and LemonLDAP::NG
 * say `invalid_request` of a refresh token that is not good any more; the last are GitHub's.
 */
const ofOneGrant: ReadonlySet<string> = new Set([
  'invalid_grant',
  'invalid_request',
  'invalid_token',
  'expired_token',
  'access_denied',
  'login_required',
  'consent_required',
  'interaction_required',
  'account_selection_required',
  'bad_refresh_token',
  'bad_verification_code',
]);

/** Errors that speak of the gateway's registration (RFC 6749 §5.2). */
const ofTheClient: ReadonlySet<string> = new Set(['invalid_client', 'unauthorized_client']);

/**
 * The one place that decides what a provider's answer means, for every endpoint: by its status, its body, whatever
 * the content type says, or the error of the network.
 */
export function judge({ status, contentType, body = '', retryAfter, error }: ProviderAnswer): Verdict {
  if (status === undefined) return { kind: 'unavailable', reason: `no answer: ${textOf(error)}`, retryAfter };
  if (status >= 500 || status === 429) {
    return { kind: 'unavailable', reason: `status ${status}${said(body, contentType)}`, retryAfter };
  }
  const reason = `status ${status}${said(body, contentType)}`;
  const code = status >= 400 ? readOAuthError(body, contentType)?.error : undefined;
  if (code !== undefined && ofTheClient.has(code)) return { kind: 'client-rejected', reason };
  if (code !== undefined && ofOneGrant.has(code)) return { kind: 'ended', reason, code };
  return { kind: 'parked', reason };
}

/** The verdict on a call that rejected. */
export const judgeError = (error: unknown): Verdict => judge(answerOf(error));

function said(body: string, contentType: string | undefined): string {
  const found = readOAuthError(body, contentType);
  if (!found) return '';
  const { error, error_description: description } = found;
  return scrub(` (${description === undefined ? error : `${error}: ${description}`})`);
}

function textOf(error: unknown): string {
  return scrub(error instanceof Error ? `${codeOf(error) || error.name}: ${error.message}` : String(error));
}

const networkCodes =
  /^(UND_ERR_(?!RES_EXCEEDED)|E[A-Z]+$|OAUTH_TIMEOUT$|OAUTH_ABORT$|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED|ERR_TLS|ERR_SSL)/;

/** Whether an error says that there was no answer, or not a whole one. */
export const isNetworkError = (error: unknown): boolean => networkCodes.test(codeOf(error));

/** The code of an error, or of the cause that it wraps. */
export function codeOf(error: unknown): string {
  for (const current of causesOf(error)) {
    // A limit that passes while the body is read comes as a DOMException, which has numbers for codes.
    if (current.name === 'TimeoutError') return 'OAUTH_TIMEOUT';
    const { code } = current as NodeJS.ErrnoException;
    if (typeof code === 'string' && networkCodes.test(code)) return code;
  }
  return error instanceof Error ? String((error as NodeJS.ErrnoException).code ?? '') : '';
}

function* causesOf(error: unknown): Generator<Error> {
  let current = error;
  for (let depth = 0; current instanceof Error && depth < 6; depth++) {
    yield current;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
}

/** What an error of a call to a provider, by whichever library, tells of the answer. */
export function answerOf(error: unknown): ProviderAnswer {
  for (const current of causesOf(error)) {
    if (current instanceof EndpointError) return current.answer;
    if (current instanceof ResponseBodyError) {
      const { status, response, cause } = current;
      return { status, body: JSON.stringify(cause), retryAfter: retryAfterIn(response.headers) };
    }
    if (current instanceof WWWAuthenticateChallengeError) {
      return { status: current.status, retryAfter: retryAfterIn(current.response.headers) };
    }
    const { cause } = current;
    if (cause instanceof Response) return { status: cause.status, retryAfter: retryAfterIn(cause.headers) };
    if (
      cause !== null &&
      typeof cause === 'object' &&
      'status' in cause &&
      typeof cause.status === 'number'
    ) {
      return { status: cause.status };
    }
  }
  // Whatever else a library refuses was an answer, and says nothing of the network.
  return isNetworkError(error) ? { error } : { status: 200 };
}
