/**
 * Every error that the gateway itself answers with, in one place: its code (the value of the
 * `X-Sallyport-Error` header), its status and the sentence that a person reads.
 */
const catalogue = {
  malformed_target: [400, 'The address of this request is not one that can be forwarded safely.'],
  ambiguous_path: [400, 'The address of this request can be read in two ways, so it was refused.'],
  ambiguous_host: [400, 'The request names no host, or more than one.'],
  malformed_request: [400, 'The request could not be read as HTTP.'],
  unknown_host: [421, 'This gateway does not answer for the host that was asked for.'],
  not_signed_in: [401, 'You need to sign in to see this.'],
  step_up_required: [401, 'You need to sign in again, or more strongly, to see this.'],
  step_up_failed: [403, 'The sign-in service did not sign you in as strongly as this needs.'],
  token_missing: [401, 'This needs an access token.'],
  token_invalid: [401, 'The access token was not accepted.'],
  insufficient_scope: [403, 'The access token is not good for this.'],
  not_allowed: [403, 'You are signed in, and this is not for you.'],
  token_refused: [403, 'You are signed in, and the sign-in service gives you no token for this application.'],
  destination_refused: [403, 'What this would be copied or moved to is not open to it.'],
  untrusted_peer: [403, 'Only proxies that the gateway trusts may ask this.'],
  cross_site: [403, 'This request came from another site, so it was refused.'],
  forgery_header_missing: [403, 'This request needs the header X-Requested-With.'],
  unknown_provider: [404, 'There is no sign-in service of that name here.'],
  unknown_endpoint: [404, 'There is no such page here.'],
  no_route: [404, 'No application is configured for this address.'],
  method_not_allowed: [405, 'This method is not allowed here.'],
  body_too_large: [413, 'What was sent is larger than this application takes.'],
  request_timeout: [408, 'The request took too long to arrive.'],
  headers_too_large: [431, 'The headers of the request, cookies included, are too large.'],
  internal: [500, 'Something went wrong in the gateway.'],
  upstream_unreachable: [502, 'The application behind this gateway cannot be reached.'],
  upstream_invalid: [502, 'The application behind this gateway gave an answer that is not valid.'],
  token_unavailable: [502, 'The gateway gets no token for the application behind it.'],
  upstream_timeout: [504, 'The application behind this gateway took too long to answer.'],
  provider_unavailable: [503, 'The sign-in service cannot be reached at the moment.'],
  client_rejected: [503, 'The sign-in service does not know this site. Its operators have to mend that.'],
  store_unavailable: [503, 'Your session cannot be looked up at the moment.'],
  logout_token_invalid: [400, 'The logout token is not valid.'],
  login_cookie_missing: [
    400,
    'This sign-in was not started in this browser, has expired or was used before.',
  ],
  login_state_mismatch: [400, 'The answer of the sign-in service does not belong to this sign-in.'],
  login_refused: [400, 'The sign-in service refused the sign-in.'],
  login_not_admitted: [403, 'This account is not one that may sign in here.'],
  login_response_invalid: [400, 'The answer of the sign-in service is not valid.'],
  login_token_invalid: [400, 'The sign-in service gave a token that failed its checks.'],
  login_loop: [400, 'Signing in worked, yet your browser keeps coming back without the session.'],
  session_too_large: [400, 'The session of this sign-in is too large for cookies.'],
} as const satisfies Record<string, readonly [status: number, sentence: string]>;

export type ErrorCode = keyof typeof catalogue;

export interface GatewayErrorDetails {
  /** What the person can do, or what exactly was wrong; shown beside the sentence, never secret. */
  detail?: string;
  /** What went wrong inside, for the log only. */
  cause?: unknown;
  /** Seconds after which a retry makes sense: the Retry-After header (RFC 9110 §10.2.3). */
  retryAfter?: number;
  /** Set-Cookie values that go with the answer. */
  setCookies?: readonly string[];
  /** The methods that would do: the Allow header of a 405 (RFC 9110 §15.5.6). */
  allow?: string;
  /** What a client without an acceptable token has to do: the WWW-Authenticate header (RFC 6750 §3). */
  challenge?: string | undefined;
  /** Where the person was going when a login failed: an absolute URL that is known to be safe. */
  returnTo?: string;
}

/** An error that ends as an answer of the gateway: a page for browsers, problem JSON for the rest. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly status: number;
  /** The sentence for the person. */
  readonly sentence: string;
  readonly detail: string | undefined;
  readonly retryAfter: number | undefined;
  readonly challenge: string | undefined;
  readonly allow: string | undefined;
  setCookies: readonly string[];
  returnTo: string | undefined;

  constructor(code: ErrorCode, details: GatewayErrorDetails = {}) {
    super(details.detail ?? catalogue[code][1], details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.status = catalogue[code][0];
    this.sentence = catalogue[code][1];
    this.detail = details.detail;
    this.retryAfter = details.retryAfter;
    // RFC 9110 §11.6.1: a 401 names a scheme; Bearer makes no browser open a password box.
    this.challenge = details.challenge ?? (this.status === 401 ? 'Bearer' : undefined);
    this.allow = details.allow;
    this.setCookies = details.setCookies ?? [];
    this.returnTo = details.returnTo;
  }
}
