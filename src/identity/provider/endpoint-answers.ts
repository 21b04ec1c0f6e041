import { readMembers, readOAuthError, readTokens } from '../tokens/token-answer.ts';
import { EndpointError, retryAfterIn } from './endpoint-error.ts';
import type { ProviderFetch } from './http.ts';
import { judge } from './verdict.ts';

/** The endpoints at which the gateway authenticates as a client. */
export interface ClientEndpoints {
  token: readonly (string | undefined)[];
  others?: readonly (string | undefined)[];
  /** Whether ID tokens count: `type: oauth2` does not look at them, and takes answers that are forms. */
  type: 'oidc' | 'oauth2';
  /** Hears of each answer that does not take the gateway as a client. */
  onRejected?: ((error: EndpointError) => void) | undefined;
  /** Called for each that does. */
  onAccepted?: (() => void) | undefined;
}

/**
 * Reads the answers of the endpoints at which the gateway is a client, before the library does: what was granted is
 * understood wherever it can be, and what was not is an EndpointError with status and body, whatever form it has.
 */
export function readAnswers(
  fetch: ProviderFetch,
  { token, others = [], type, onRejected, onAccepted }: ClientEndpoints,
): ProviderFetch {
  const tokenEndpoints = addressesOf(token);
  const otherEndpoints = addressesOf(others);
  const read: ProviderFetch = async (url, options) => {
    const isToken = tokenEndpoints.has(url);
    const response = await fetch(url, options);
    if (!isToken && (response.ok || !otherEndpoints.has(url))) return response;
    const body = await bodyOf(response, url);
    const contentType = response.headers.get('content-type') ?? '';
    const members = readMembers(body, contentType);
    if (isToken && response.ok && (type === 'oauth2' || !isForm(body))) {
      const asked = { idToken: type === 'oidc', dpop: new Headers(options.headers).has('dpop') };
      const tokens = readTokens(members, asked);
      if (tokens) return conform(200, tokens, response);
    }
    // RFC 9449 §8: the library asks again by itself, with the nonce.
    if (members?.error === 'use_dpop_nonce') return conform(400, members, response);
    const said = readOAuthError(body, contentType);
    // Errors have the status 400 (RFC 6749 §5.2); some servers send them with 200.
    const status = response.ok && said ? 400 : response.status;
    const answer = { status, contentType, body, retryAfter: retryAfterIn(response.headers) };
    const isSpent = isToken && status < 300 && /"access_token"|(^|&)access_token=/.test(body);
    throw new EndpointError(url, answer, { isSpent });
  };
  return async (url, options) => {
    try {
      const response = await read(url, options);
      if (response.ok && (tokenEndpoints.has(url) || otherEndpoints.has(url))) onAccepted?.();
      return response;
    } catch (error) {
      const kind = error instanceof EndpointError ? judge(error.answer).kind : undefined;
      if (kind === 'client-rejected') onRejected?.(error as EndpointError);
      // Whether a grant is good is looked at when the client is known.
      if (kind === 'ended') onAccepted?.();
      throw error;
    }
  };
}

/** As the library writes them. */
export const addressesOf = (urls: readonly (string | undefined)[]): ReadonlySet<string> =>
  new Set(urls.flatMap((url) => (url !== undefined && URL.canParse(url) ? [new URL(url).href] : [])));

const isForm = (body: string) => !/^\s*[{[]/.test(body);

/** The whole body. A success that breaks off may have been a grant, and the token that was sent is spent then. */
export async function bodyOf(response: Response, url: string): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    if (!response.ok) throw cause;
    throw new EndpointError(url, { error: cause }, { isSpent: true, cause });
  }
}

/** An answer in the form that the library expects. */
function conform(status: number, members: object, { headers }: Response): Response {
  const nonce = headers.get('dpop-nonce');
  return new Response(JSON.stringify(members), {
    status,
    headers: { 'content-type': 'application/json', ...(nonce !== null && { 'dpop-nonce': nonce }) },
  });
}
