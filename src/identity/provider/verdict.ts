import { ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { scrub } from '../../observe/scrub.ts';
import { readOAuthError } from '../tokens/token-answer.ts';
import { ClientUnready, EndpointError, type ProviderAnswer, retryAfterIn } from './endpoint-error.ts';
import { causesOf, codeOf, isNetworkError } from './error-causes.ts';

/**
 * The one place that says what an error of a call to a provider means: whether somebody's grant is over, whether the
 * provider is out, whether the gateway is set up wrongly. `failure.ts` makes of it what a login answers.
 */

/** What it means, and for whom. `reason` is for the log. */
export type Verdict =
  /** What was asked about is over: the provider says so of this one grant. */
  | { kind: 'ended'; reason: string; code: string }
  /** It concerns this one session, and may pass. */
  | { kind: 'parked'; reason: string }
  /** The provider does not take the gateway as its client. The operator has to mend that. */
  | { kind: 'client-rejected'; reason: string }
  /** It says nothing about anybody: the provider is out, or has too much to do. */
  | { kind: 'unavailable'; reason: string; retryAfter: number | undefined };

/**
 * Errors that speak of one grant (RFC 6749 §5.2, OpenID Connect Core §3.1.2.6, RFC 6750 §3.1). Dex and LemonLDAP::NG
 * say `invalid_request` of a refresh token that is not good any more; the last are GitHub's, and Slack's.
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
  'invalid_code',
  'code_already_used',
  'invalid_refresh_token',
  'token_expired',
  'token_revoked',
]);

/** Errors that speak of the gateway's registration (RFC 6749 §5.2). */
const ofTheClient: ReadonlySet<string> = new Set([
  'invalid_client',
  'unauthorized_client',
  // GitHub's, and Slack's.
  'incorrect_client_credentials',
  'bad_client_secret',
  'invalid_client_id',
]);

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
export function judgeError(error: unknown): Verdict {
  if (isUnready(error)) return { kind: 'client-rejected', reason: textOf(error) };
  return judge(answerOf(error));
}

function said(body: string, contentType: string | undefined): string {
  const found = readOAuthError(body, contentType);
  if (!found) return '';
  const { error, error_description: description } = found;
  return scrub(` (${description === undefined ? error : `${error}: ${description}`})`);
}

function textOf(error: unknown): string {
  return scrub(error instanceof Error ? `${codeOf(error) || error.name}: ${error.message}` : String(error));
}

/** Whether there was an answer, as far as an error tells. */
export const wasAnswered = (error: unknown): boolean => answerOf(error).status !== undefined;

/** Whether nothing was asked, since the gateway could not say who it is. */
export const isUnready = (error: unknown): boolean =>
  [...causesOf(error)].some((current) => current instanceof ClientUnready);

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

/** The code that a provider says in an error answer (RFC 6749 §5.2). */
export function errorCodeIn(error: unknown): string | undefined {
  const { body = '', contentType } = answerOf(error);
  return readOAuthError(body, contentType)?.error;
}

/** Whether a call that rejected may have been granted all the same: what was sent is not good any more. */
export function isSpent(error: unknown): boolean {
  for (const current of causesOf(error)) if (current instanceof EndpointError) return current.isSpent;
  return false;
}

/** Whether the library cannot use what a token endpoint answered. */
export function isUnusable(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'OAUTH_PARSE_ERROR' || code === 'OAUTH_INVALID_RESPONSE';
}

/** Errors of a provider that pass, whatever their status. */
const passing: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down']);

/** Whether a refusal says that it may pass soon. */
export const isPassing = (error: unknown): boolean => passing.has(errorCodeIn(error) ?? '');

/** Whether a refusal is about how the gateway is set up, rather than about the person who asks. */
export function isOfSetUp(error: unknown): boolean {
  const said = errorCodeIn(error);
  if (said === undefined || said === 'unsupported_grant_type') return true;
  return judgeError(error).kind === 'client-rejected';
}

/** Whether userinfo spoke of another subject (OpenID Connect Core §5.3.4). */
export function isOfSomebodyElse(error: unknown): boolean {
  return [...causesOf(error)].some((current) => codeOf(current) === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED');
}
