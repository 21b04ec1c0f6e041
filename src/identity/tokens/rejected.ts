/** Why an access token is not accepted, in words that the client may read; nothing of the token is in them. */
export class TokenRejected extends Error {
  override readonly name = 'TokenRejected';
  /** The code for the client (RFC 6750 §3.1, RFC 9449 §7.1). */
  readonly error: 'invalid_token' | 'invalid_dpop_proof';

  /** @param description a sentence in ASCII without quotes, for `error_description` */
  constructor(description: string, details: { error?: 'invalid_dpop_proof'; cause?: unknown } = {}) {
    super(description, details.cause === undefined ? {} : { cause: details.cause });
    this.error = details.error ?? 'invalid_token';
  }
}
