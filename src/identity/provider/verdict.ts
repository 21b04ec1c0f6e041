import { errors } from 'jose';
import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { GatewayError } from '../../errors.ts';
import { scrub } from '../../observe/scrub.ts';
import { ClockDiffers } from '../tokens/clock-differs.ts';
import { readOAuthError } from '../tokens/token-answer.ts';
import { AlgorithmRefused } from './algorithms.ts';
import { ClientUnready, EndpointError, type ProviderAnswer, retryAfterIn } from './endpoint-error.ts';

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
  /** The provider does not take the gateway as its client: the operator's to mend, whoever asks. */
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

const networkCodes =
  /^(UND_ERR_(?!RES_EXCEEDED)|E[A-Z]+$|OAUTH_TIMEOUT$|OAUTH_ABORT$|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED|ERR_TLS|ERR_SSL)/;

/** Whether an error says that there was no answer, or not a whole one. */
export const isNetworkError = (error: unknown): boolean => networkCodes.test(codeOf(error));

/** The code of an error, or of the cause that it wraps. */
function codeOf(error: unknown): string {
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

/** Codes of openid-client that mean that a token failed one of its checks. */
const tokenChecks: ReadonlySet<string> = new Set([
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
]);

/** Whether a token failed one of its checks. */
export function isFailedCheck(error: unknown): boolean {
  if (error instanceof errors.JOSEError) return !(error instanceof errors.JWKSInvalid);
  return tokenChecks.has(codeOf(error));
}

/** What clocks that are right may differ by, with all that happens between. */
const rightClocksSeconds = 30;

/**
 * The seconds by which our clock is behind the one that a token was issued by, where the token failed for that; below 0
 * where ours is ahead. A token that was just issued tells the time of its issuer.
 * @param now in seconds
 */
export function clockDifference(error: unknown, now: number): number | undefined {
  for (const current of causesOf(error)) {
    if (current instanceof ClockDiffers) return current.seconds;
    const issuedAt = issueTimeIn(current);
    if (issuedAt !== undefined && Math.abs(issuedAt - now) > rightClocksSeconds)
      return Math.round(issuedAt - now);
  }
  return undefined;
}

/** That a token was signed with an algorithm that does not count, whoever found it: the library, or our own check. */
export function refusedAlgorithm(error: unknown): AlgorithmRefused | undefined {
  for (const current of causesOf(error)) {
    if (current instanceof AlgorithmRefused) return current;
    const { cause } = current;
    // The library's own check of the header of an ID token, by the list that it was given.
    if (cause === null || typeof cause !== 'object' || !('header' in cause && 'expected' in cause)) continue;
    const { header, expected } = cause as { header?: { alg?: unknown }; expected?: unknown };
    if (Array.isArray(expected)) return new AlgorithmRefused('ID token', header?.alg, expected);
  }
  return undefined;
}

/** `iat` of a token whose times did not fit. */
function issueTimeIn(error: Error): number | undefined {
  const isTimed =
    error instanceof errors.JWTExpired ||
    (error instanceof errors.JWTClaimValidationFailed && ['exp', 'iat', 'nbf'].includes(error.claim));
  const { cause } = error as { cause?: { claims?: { iat?: unknown }; claim?: unknown } };
  const claims = isTimed ? error.payload : cause instanceof Error || !cause?.claim ? undefined : cause.claims;
  return typeof claims?.iat === 'number' ? claims.iat : undefined;
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

/** RFC 9126 §4: what was pushed is good for a short time; who took longer at the provider may begin again. */
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
