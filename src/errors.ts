import { english } from './pages/texts/languages.ts';
import { say, type Text, type TextKey, text } from './pages/texts/text.ts';

/** The codes that have a sentence. */
type CodeOf<Key> = Key extends `error.${infer Code}` ? Code : never;

/**
 * Every error that the gateway itself answers with, in one place: its code (the value of the
 * `X-Sallyport-Error` header) and its status. What people read of it stands in src/pages/texts.
 */
const statuses = {
  malformed_target: 400,
  ambiguous_path: 400,
  ambiguous_host: 400,
  malformed_request: 400,
  unknown_host: 421,
  not_signed_in: 401,
  step_up_required: 401,
  step_up_failed: 403,
  token_missing: 401,
  token_invalid: 401,
  insufficient_scope: 403,
  not_allowed: 403,
  token_refused: 403,
  destination_refused: 403,
  untrusted_peer: 403,
  cross_site: 403,
  forgery_header_missing: 403,
  unknown_provider: 404,
  unknown_endpoint: 404,
  no_route: 404,
  method_not_allowed: 405,
  body_too_large: 413,
  rate_limited: 429,
  request_timeout: 408,
  headers_too_large: 431,
  internal: 500,
  upstream_unreachable: 502,
  upstream_invalid: 502,
  token_unavailable: 502,
  upstream_timeout: 504,
  provider_unavailable: 503,
  client_rejected: 503,
  store_unavailable: 503,
  overloaded: 503,
  upstream_busy: 503,
  maintenance: 503,
  logout_token_invalid: 400,
  login_cookie_missing: 400,
  login_state_mismatch: 400,
  login_refused: 400,
  login_not_admitted: 403,
  login_response_invalid: 400,
  login_token_invalid: 400,
  login_loop: 400,
  session_too_large: 400,
} as const satisfies Readonly<Record<CodeOf<TextKey>, number>>;

export type ErrorCode = keyof typeof statuses;
type Status = (typeof statuses)[ErrorCode];

export interface GatewayErrorDetails {
  /** What the person can do, or what exactly was wrong; shown beside the sentence, never secret. */
  detail?: Text;
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
  readonly status: Status;
  /** The sentence for the person. */
  readonly sentence: Text;
  readonly detail: Text | undefined;
  readonly retryAfter: number | undefined;
  readonly challenge: string | undefined;
  readonly allow: string | undefined;
  setCookies: readonly string[];
  returnTo: string | undefined;

  constructor(code: ErrorCode, details: GatewayErrorDetails = {}) {
    const sentence = text(`error.${code}`);
    // English, for the log and the command line.
    const message = say(english, details.detail ?? sentence);
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.status = statuses[code];
    this.sentence = sentence;
    this.detail = details.detail;
    this.retryAfter = details.retryAfter;
    // RFC 9110 §11.6.1: a 401 names a scheme; Bearer makes no browser open a password box.
    this.challenge = details.challenge ?? (this.status === 401 ? 'Bearer' : undefined);
    this.allow = details.allow;
    this.setCookies = details.setCookies ?? [];
    this.returnTo = details.returnTo;
  }
}
