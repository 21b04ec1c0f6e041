import { GatewayError } from '../errors.ts';
import type { Inbound } from '../listen/inbound.ts';

const timeouts: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
]);

/** What the library calls `100 Continue`, and 101, where nobody asked for it. */
const badAnswers: ReadonlySet<string> = new Set(['bad response', 'bad upgrade']);

const invalidAnswers =
  /^(HPE_|UND_ERR_(HEADERS_OVERFLOW|RES_|RESPONSE|INVALID_ARG|NOT_SUPPORTED)|ERR_(HTTP|INVALID))/;

/**
 * Whether an answer failed in a way that can be repaired: the parser refused it, or it began with an interim answer
 * that nobody asked for.
 * @param hasHead the head was taken, and what failed is in the body
 */
export function isOddAnswer(error: Error, hasHead: boolean): boolean {
  const { code } = error as NodeJS.ErrnoException;
  // An answer that breaks off is no odd one; the library gives this one no code.
  if (error.name === 'HTTPParserError') return !/Invalid EOF/.test(error.message);
  // Two equal lengths become one long number to the library.
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return !hasHead;
  return code === 'UND_ERR_SOCKET' && badAnswers.has(error.message);
}

/** The gateway's error for a failure on the way to or from the upstream. Its own errors pass unchanged. */
export function upstreamError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (timeouts.has(code)) return new GatewayError('upstream_timeout', { cause: error });
  const { name, message } = error as Error;
  if (name === 'HTTPParserError' || invalidAnswers.test(code) || badAnswers.has(message))
    return new GatewayError('upstream_invalid', { cause: error });
  return new GatewayError('upstream_unreachable', { cause: error });
}

/** Whether an error says that the answer did not begin in time. */
export const isLate = (error: Error): boolean => upstreamError(error).code === 'upstream_timeout';

/**
 * Whether an error before the answer says something of the target: its connection broke, or it was late. A client that
 * has not sent all of its request may be the cause of either.
 */
export function isFailure(error: Error, { complete }: Pick<Inbound, 'complete'>): boolean {
  const { code } = upstreamError(error);
  return complete && (code === 'upstream_timeout' || code === 'upstream_unreachable');
}
