import { answerOf, errorCodeIn } from './verdict.ts';

/** What the answer of a resource, such as userinfo, means for the access token that it was asked with. */

/** Whether the answer was that the access token is not good, or not good for this (any more). */
export function isRefused(error: unknown): boolean {
  const { status } = answerOf(error);
  return status === 401 || status === 403 || saysTokenIsBad(error);
}

/** Words for an access token that has come to an end (RFC 6750 §3.1); the last are of others than that names. */
const ofTheToken: ReadonlySet<string> = new Set([
  'invalid_token',
  'expired_token',
  'token_expired',
  'token_revoked',
]);

/**
 * Whether a resource says in so many words that the access token is not good. A bare 401 or 403 may come from whatever
 * stands before it, and says nothing of anybody.
 */
export function saysTokenIsBad(error: unknown): boolean {
  const { status = 0 } = answerOf(error);
  return status >= 400 && status < 500 && ofTheToken.has(errorCodeIn(error) ?? '');
}

/**
 * Whether an answer has to be taken to mean that an access token has ended, where no other can be had to see: not all say
 * it in words. RFC 9110 §15.5.2: a 401 is about the credentials, which are not the token where it asks for others.
 */
export function meansTokenIsBad(error: unknown): boolean {
  const { status, schemes = [] } = answerOf(error);
  const isOfToken = schemes.length === 0 || schemes.some((scheme) => tokenSchemes.has(scheme));
  return (status === 401 && isOfToken) || saysTokenIsBad(error);
}

const tokenSchemes: ReadonlySet<string> = new Set(['bearer', 'dpop', 'oauth', 'token']);

/** Whether the answer was that this access token may not ask, or that there is nothing to ask for. */
export function mayBeMissing(error: unknown): boolean {
  const { status } = answerOf(error);
  return status === 403 || status === 404;
}
