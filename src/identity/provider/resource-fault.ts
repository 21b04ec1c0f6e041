import { WWWAuthenticateChallengeError } from 'openid-client';
import { readRefusal } from '../tokens/token-answer.ts';
import { EndpointError, retryAfterIn } from './endpoint-error.ts';
import { causesOf } from './error-causes.ts';

/** An answer of a resource, as far as it is looked at here; its body may not be read yet. */
type Answer = Pick<Response, 'status' | 'headers' | 'bodyUsed' | 'text'>;

/** What the library makes of a challenge. */
type Challenges = WWWAuthenticateChallengeError['cause'];

/**
 * What a resource answered in place of what it was asked for, with the reason that it gives (RFC 6750 §3): in a challenge,
 * or in the body. An error that is not about an answer comes back as it is.
 */
export async function resourceFault(error: unknown, endpoint: string): Promise<unknown> {
  if (error instanceof WWWAuthenticateChallengeError)
    return answerFault(error.response, endpoint, error.cause);
  for (const { cause } of causesOf(error)) {
    if (isAnswer(cause)) return cause.status === 200 ? error : answerFault(cause, endpoint);
    // The library read it, and does not take it.
    if (cause !== null && typeof cause === 'object' && 'body' in cause)
      return refusalIn(endpoint, cause.body) ?? error;
  }
  return error;
}

/** The same of an answer with another status than 200. */
export async function answerFault(
  answer: Answer,
  endpoint: string,
  challenges: Challenges = [],
): Promise<EndpointError> {
  const { headers } = answer;
  const named = challenges.find(({ parameters }) => parameters.error !== undefined);
  const body = named ? JSON.stringify(named.parameters) : await textOf(answer);
  return new EndpointError(endpoint, {
    status: isOverLimit(answer) ? 429 : answer.status,
    contentType: named ? 'application/json' : (headers.get('content-type') ?? undefined),
    body,
    retryAfter: retryAfterIn(headers),
    schemes: challenges.map(({ scheme }) => scheme),
  });
}

/** What a body with the status 200 says, where that is an error; undefined where it is none. */
export function refusalIn(endpoint: string, body: unknown): EndpointError | undefined {
  if (readRefusal(body) === undefined) return undefined;
  // RFC 6749 §5.2 has the status that it should have had.
  const answer = { status: 400, contentType: 'application/json', body: JSON.stringify(body) };
  return new EndpointError(endpoint, answer, { how: '200 with an error' });
}

/** Of undici's own class, which is not the global one. */
function isAnswer(cause: unknown): cause is Answer {
  return (
    cause !== null && typeof cause === 'object' && 'status' in cause && 'headers' in cause && 'text' in cause
  );
}

/** The body, as far as it can be had: the status counts without it too. */
async function textOf(answer: Answer): Promise<string> {
  try {
    return answer.bodyUsed ? '' : await answer.text();
  } catch {
    return '';
  }
}

/** A limit that is used up says 403 at some: that is no refusal, but a matter of time. */
function isOverLimit({ status, headers }: Answer): boolean {
  return status === 403 && (headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0');
}
