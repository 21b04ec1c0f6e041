import type { CustomFetch } from 'openid-client';

/** Codes of GitHub for what RFC 6749 §5.2 calls invalid_grant: a code or a refresh token that is not good (any more). */
const invalidGrant: ReadonlySet<unknown> = new Set(['bad_verification_code', 'bad_refresh_token']);

/**
 * Errors of the token endpoint have the status 400 (RFC 6749 §5.2); some authorization servers send them with
 * 200. Given the right status, they are read as what they are instead of as an answer without a token.
 */
export function withErrorStatus(fetch: CustomFetch, tokenEndpoint: string | undefined): CustomFetch {
  return async (url, options) => {
    const response = await fetch(url, options);
    if (url !== tokenEndpoint || response.status !== 200) return response;
    const text = await response.text();
    const { error, ...rest } = readObject(text);
    const isError = typeof error === 'string' && rest.access_token === undefined;
    const body = isError
      ? JSON.stringify({ ...rest, error: invalidGrant.has(error) ? 'invalid_grant' : error })
      : text;
    const headers = { 'content-type': response.headers.get('content-type') ?? '' };
    return new Response(body, { status: isError ? 400 : 200, headers });
  };
}

function readObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
