import { type OAuthError, readOAuthError } from '../tokens/token-answer.ts';

/** What came of a call to a provider that did not give what was asked for. */
export interface ProviderAnswer {
  /** Undefined where there was no answer at all. */
  status?: number | undefined;
  contentType?: string | undefined;
  /** As far as it was read. */
  body?: string | undefined;
  /** Seconds that the answer asks to wait. */
  retryAfter?: number | undefined;
  /** How it asks to be authenticated to (RFC 9110 §11.3), in lower case. */
  schemes?: readonly string[] | undefined;
  /** What went wrong on the network. */
  error?: unknown;
}

/** An endpoint gave an answer that is not what was asked for. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  readonly answer: ProviderAnswer;
  readonly endpoint: string;
  /** An error of the network while the answer was read is the cause, and tokens may have been in it. */
  readonly isSpent: boolean;
  /** What the provider says, for the log. */
  readonly error: string | undefined;
  readonly error_description: string | undefined;

  constructor(endpoint: string, answer: ProviderAnswer, { isSpent = false, cause, how }: EndpointFault = {}) {
    const { status, body = '', contentType } = answer;
    const said = how ?? `${status ?? 'nothing whole'}${status === 200 ? ' without a good access_token' : ''}`;
    super(`${new URL(endpoint).pathname} answered ${said}`, cause === undefined ? {} : { cause });
    this.answer = answer;
    this.endpoint = endpoint;
    this.isSpent = isSpent;
    const fault: Partial<OAuthError> = readOAuthError(body, contentType) ?? {};
    this.error = fault.error;
    this.error_description = fault.error_description;
  }
}

/** The gateway has no usable client credentials, so that nothing was sent. The operator has to mend it. */
export class ClientUnready extends Error {
  override readonly name = 'ClientUnready';
}

interface EndpointFault {
  isSpent?: boolean;
  cause?: unknown;
  /** What it answered, where the status does not say it. */
  how?: string;
}

/** What an answer asks for (RFC 9110 §10.2.3), in seconds; the form with a date is not worth a parser here. */
export function retryAfterIn(headers: Headers): number | undefined {
  const header = headers.get('retry-after');
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}
