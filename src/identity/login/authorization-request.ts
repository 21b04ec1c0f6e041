import { hash } from 'node:crypto';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { text } from '../../pages/texts/text.ts';
import { loginError } from '../provider/failure.ts';
import type { ProviderMetadata } from '../provider/library.ts';
import type { Provider } from '../provider/provider.ts';
import { responseMode } from '../provider/support.ts';
import { type DpopKey, dpopThumbprint } from '../tokens/dpop-key.ts';

/** What is new at every login. */
export interface FreshRequest {
  redirectUri: string;
  state: string;
  nonce: string;
  codeVerifier: string;
  /** The key that the tokens will be bound to. */
  dpopKey: DpopKey | undefined;
}

/**
 * The parameters of an authorization request (RFC 6749 §4.1.1): those of the login itself, and those that the
 * configuration names.
 * @param wanted more of them for this login, before those of the configuration
 */
export function authorizationParameters(
  config: ProviderConfig,
  { redirectUri, state, nonce, codeVerifier, dpopKey }: FreshRequest,
  wanted: Readonly<Record<string, string>>,
): URLSearchParams {
  const mode = responseMode(config);
  const isOpenId = config.type === 'oidc';
  const parameters = new URLSearchParams({
    ...configuredParameters(config),
    ...wanted,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: [...new Set([...(isOpenId ? ['openid'] : []), ...config.scopes])].join(' '),
    state,
    ...(isOpenId && { nonce }),
    ...(config.pkce && {
      code_challenge: codeChallenge(codeVerifier),
      code_challenge_method: 'S256',
    }),
    // Left out where it is the standard one, which every provider knows.
    ...(mode !== 'query' && { response_mode: mode }),
    ...(dpopKey !== undefined && { dpop_jkt: dpopThumbprint(dpopKey) }),
  });
  for (const resource of config.resource ?? []) parameters.append('resource', resource);
  return parameters;
}

/** RFC 7636 §4.2, S256. */
const codeChallenge = (verifier: string): string => hash('sha256', verifier, 'base64url');

function configuredParameters(config: ProviderConfig): Record<string, string> {
  const { authorizationParams, prompt, maxAge, acrValues, claimsParameter } = config;
  return {
    ...authorizationParams,
    ...(prompt !== undefined && { prompt }),
    ...(maxAge !== undefined && { max_age: String(Math.floor(maxAge / 1000)) }),
    ...(acrValues && { acr_values: acrValues.join(' ') }),
    ...(claimsParameter !== undefined && { claims: claimsParameter }),
  };
}

/** What a parameter may hold that comes from the address of `start`: nobody knows who wrote it. */
const allowedForms: Readonly<Record<string, RegExp>> = {
  prompt: /^[a-z_]{1,40}( [a-z_]{1,40}){0,5}$/,
  max_age: /^\d{1,9}$/,
  acr_values: /^[\x21-\x7e]{1,200}( [\x21-\x7e]{1,200}){0,9}$/,
  login_hint: /^[^\p{Cc}]{1,320}$/u,
  ui_locales: /^[A-Za-z0-9-]{1,35}( [A-Za-z0-9-]{1,35}){0,9}$/,
};

/** Whether a value from an address can be right for a parameter that is passed on. */
export const canBeRight = (name: string, value: string): boolean => allowedForms[name]?.test(value) === true;

/**
 * The parameters of `/oauth2/start?…` that the configuration lets through to the provider. Throws GatewayError 400
 * for one that is doubled or cannot be right.
 */
export function allowedParameters(
  { allowedParams }: ProviderConfig,
  asked: URLSearchParams,
): Record<string, string> {
  const allowed: Record<string, string> = {};
  for (const name of allowedParams) {
    const [value, ...others] = asked.getAll(name);
    if (value === undefined) continue;
    if (others.length > 0 || !canBeRight(name, value)) {
      throw new GatewayError('malformed_request', { detail: text('detail.parameter_invalid', { name }) });
    }
    allowed[name] = value;
  }
  return allowed;
}

/**
 * Where the browser goes with an authorization request: with its parameters in the address, with a request object
 * that the gateway signed (RFC 9101), or with a reference to what was pushed (RFC 9126). Rejects with GatewayError
 * when the provider does not take what is pushed.
 */
export async function authorizationUrl(
  { client, config }: Pick<Provider, 'client' | 'config'>,
  parameters: URLSearchParams,
): Promise<URL> {
  const { par, requestObject } = config;
  const isPushed = par === true || (par === 'auto' && requiresPar(client.metadata()));
  try {
    const request = requestObject ? await client.signRequest(parameters) : parameters;
    if (isPushed) return await client.push(request);
    // OpenID Connect Core §6.1: the address is a good OAuth 2.0 request by itself; RFC 9101 §5 allows for that.
    if (requestObject) for (const name of ['response_type', 'scope']) copy(name, parameters, request);
    return client.authorizationUrl(request);
  } catch (error) {
    throw loginError(error);
  }
}

function copy(name: string, from: URLSearchParams, to: URLSearchParams): void {
  const value = from.get(name);
  if (value !== null) to.set(name, value);
}

function requiresPar(server: ProviderMetadata): boolean {
  return (
    server.require_pushed_authorization_requests === true &&
    server.pushed_authorization_request_endpoint !== undefined
  );
}
