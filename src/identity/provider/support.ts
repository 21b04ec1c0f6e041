import type { ServerMetadata } from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { fapi2Algorithms } from './algorithms.ts';
import { clientAuthMethod } from './client-auth.ts';

/**
 * What the configuration asks for and the provider's metadata (RFC 8414 §2) do not offer, in sentences. Providers
 * do not state everything that they can; what is not stated counts as offered, save what a profile requires to
 * be stated.
 */
export function findUnsupported(config: ProviderConfig, server: ServerMetadata): string[] {
  const missing: string[] = [];
  const lacks = (stated: readonly string[] | undefined, wanted: string, where: string) => {
    if (stated !== undefined && !stated.includes(wanted)) missing.push(`${wanted} is not among its ${where}`);
  };
  const method = clientAuthMethod(config, server);
  // That a client may do without, providers often leave unsaid.
  if (method !== 'none') {
    lacks(server.token_endpoint_auth_methods_supported, method, 'token_endpoint_auth_methods_supported');
  }
  missing.push(...missingAlgorithms(config, server));
  lacks(server.code_challenge_methods_supported, 'S256', 'code_challenge_methods_supported');
  // JARM §2.3.4: for a code, `jwt` is another name of `query.jwt`.
  const modes = server.response_modes_supported?.map((mode) => (mode === 'query.jwt' ? 'jwt' : mode));
  const mode = responseMode(config);
  if (mode !== 'query') lacks(modes, mode, 'response_modes_supported');
  if (config.dpop) {
    lacks(server.dpop_signing_alg_values_supported, 'ES256', 'dpop_signing_alg_values_supported');
  }
  for (const prompt of config.prompt?.split(' ') ?? []) {
    lacks(server.prompt_values_supported as string[] | undefined, prompt, 'prompt_values_supported');
  }
  if (config.claimsParameter !== undefined && server.claims_parameter_supported === false) {
    missing.push('it does not support the claims parameter');
  }
  if (config.requestObject && server.request_parameter_supported === false) {
    missing.push('it does not support request objects');
  }
  if (config.par === true && server.pushed_authorization_request_endpoint === undefined) {
    missing.push('it names no endpoint for pushed authorization requests');
  }
  return missing;
}

/**
 * The scopes that the configuration asks for and the provider does not name, in sentences. It need not name all that it
 * knows (RFC 8414 §2), so that this is a hint: many refuse a login for a scope that they do not know.
 */
export function unknownScopes(
  { scopes_supported: known }: ServerMetadata,
  scopes: readonly string[],
): string[] {
  if (known === undefined) return [];
  const unknown = [...new Set(scopes)].filter((scope) => !known.includes(scope));
  if (unknown.length === 0) return [];
  return [
    `${unknown.join(', ')} is not among its scopes_supported; many refuse a scope that they do not know`,
  ];
}

/** Of the algorithms that are named for ID tokens one has to be the provider's. */
function missingAlgorithms(
  { idTokenAlgorithms: named }: ProviderConfig,
  { id_token_signing_alg_values_supported: stated }: ServerMetadata,
): string[] {
  if (named === undefined || stated === undefined || named.some((name) => stated.includes(name))) return [];
  return [`${named.join(', ')} of idTokenAlgorithms is not among its id_token_signing_alg_values_supported`];
}

/** The response mode of the authorization request, in the names of RFC 8414 and JARM §2.3. */
export function responseMode({ jarm, responseMode: mode }: ProviderConfig): string {
  if (!jarm) return mode;
  return mode === 'form_post' ? 'form_post.jwt' : 'jwt';
}

/**
 * Refuses a provider that cannot do what was made a condition: throws an Error that says what. Endpoints that are
 * given by hand say nothing about the rest, which is then taken for granted.
 */
export function requireSupport(config: ProviderConfig, server: ServerMetadata, isDiscovered: boolean): void {
  if (config.par === true && server.pushed_authorization_request_endpoint === undefined) {
    throw new Error('the provider names no endpoint for pushed authorization requests, and `par` is on');
  }
  if (config.profile !== 'fapi2' || !isDiscovered) return;
  const missing = [...findUnsupported(config, server), ...missingForFapi2(config, server)];
  if (missing.length > 0) {
    throw new Error(`the provider cannot be used with profile fapi2: ${missing.join('; ')}`);
  }
}

/** FAPI 2.0 Security Profile §5.3.2, as far as metadata show it. */
function missingForFapi2(config: ProviderConfig, server: ServerMetadata): string[] {
  const missing: string[] = [];
  if (!server.code_challenge_methods_supported?.includes('S256')) missing.push('it does not state PKCE S256');
  // RFC 9207 §3; a signed response has iss inside.
  if (!config.jarm && server.authorization_response_iss_parameter_supported !== true) {
    missing.push('it does not state that it names itself in its answers (RFC 9207)');
  }
  if (config.dpop && server.dpop_signing_alg_values_supported === undefined) {
    missing.push('it does not state DPoP');
  }
  if (!config.dpop && server.tls_client_certificate_bound_access_tokens !== true) {
    missing.push('it does not state access tokens that are bound to a certificate');
  }
  const signs = server.id_token_signing_alg_values_supported ?? [];
  if (!signs.some((alg) => fapi2Algorithms.includes(alg))) {
    missing.push(`it signs ID tokens with none of ${fapi2Algorithms.join(', ')}`);
  }
  return missing;
}
