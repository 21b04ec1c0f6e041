import { decodeJwt } from 'jose';
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import { type Text, text } from '../../pages/texts/text.ts';
import { loginError } from '../provider/failure.ts';
import type { Provider } from '../provider/provider.ts';

/** An authorization response as the browser brings it (RFC 6749 §4.1.2). */
export interface AuthorizationResponse {
  /** In the address, or as a form that a page of the provider posts. */
  mode: 'query' | 'form_post';
  parameters: URLSearchParams;
}

/** The state that a response names. Of a signed response it says only which login to look for, not that it is true. */
export function claimedState({ parameters }: AuthorizationResponse): string | null {
  const response = parameters.get('response');
  if (response === null) return parameters.get('state');
  try {
    const { state } = decodeJwt(response);
    return typeof state === 'string' ? state : null;
  } catch {
    return null;
  }
}

/**
 * The parameters of a response that came in the way that was asked for: once each, by the right response mode, and
 * out of a JWT of the provider where responses are signed (JARM §2.4). Rejects with GatewayError.
 */
export async function readAuthorizationResponse(
  provider: Provider,
  { mode, parameters }: AuthorizationResponse,
  { now }: Pick<Clock, 'now'>,
): Promise<URLSearchParams> {
  const { jarm, responseMode } = provider.config;
  refuseDoubled(parameters);
  if (mode !== responseMode) throw invalid(text('detail.other_response_mode', { mode: responseMode }));
  const response = parameters.get('response');
  if (!jarm && response !== null) throw invalid(text('detail.signed_unasked'));
  const read = jarm ? await openSigned(provider, response, new Date(now())) : parameters;
  if (!read.has('error') && !read.get('code')) throw invalid(text('detail.no_code'));
  return read;
}

/** RFC 6749 §3.1: parameters must not be included more than once. Throws GatewayError 400. */
export function refuseDoubled(parameters: URLSearchParams): void {
  for (const name of parameters.keys()) {
    if (parameters.getAll(name).length > 1) throw invalid(text('detail.parameter_twice'));
  }
}

async function openSigned(
  provider: Provider,
  response: string | null,
  currentDate: Date,
): Promise<URLSearchParams> {
  if (!response) throw invalid(text('detail.not_signed'));
  try {
    const { payload } = await provider.keys.verify(
      response,
      {
        issuer: provider.client.metadata().issuer,
        audience: provider.config.clientId,
        requiredClaims: ['exp'],
        clockTolerance: provider.config.clockTolerance / 1000,
        currentDate,
      },
      'authorization response',
    );
    const { aud: _, ...claims } = payload;
    const texts = Object.entries(claims).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    return new URLSearchParams(texts);
  } catch (error) {
    throw loginError(error);
  }
}

function invalid(detail: Text): GatewayError {
  return new GatewayError('login_response_invalid', { detail });
}
