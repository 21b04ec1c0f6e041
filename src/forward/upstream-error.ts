import { GatewayError } from '../errors.ts';

const timeouts: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
]);

const invalidAnswers =
  /^(HPE_|UND_ERR_(HEADERS_OVERFLOW|RES_|RESPONSE|INVALID_ARG|NOT_SUPPORTED)|ERR_(HTTP|INVALID))/;

/** The gateway's error for a failure on the way to or from the upstream. Its own errors pass unchanged. */
export function upstreamError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (timeouts.has(code)) return new GatewayError('upstream_timeout', { cause: error });
  const { name } = error as Error;
  if (name === 'HTTPParserError' || invalidAnswers.test(code))
    return new GatewayError('upstream_invalid', { cause: error });
  return new GatewayError('upstream_unreachable', { cause: error });
}
