import { createHash } from 'node:crypto';
import type { RouteConfig, TokenConfig } from '../../config/schema/index.ts';

/** How a token is got: with the caller's token, by the gateway itself, or with the session's refresh token. */
export type TokenGrant = 'exchange' | 'client credentials' | 'refresh';

/** What a token is got for. Routes of the same settings have one target, and so share its tokens. */
export interface TokenAudience {
  /** A digest of the settings: the same in every process. */
  id: string;
  way: TokenGrant;
  /** What is asked for, in the names of RFC 6749, 8693 and 8707. */
  parameters: readonly (readonly [name: string, value: string])[];
  config: TokenConfig;
}

/** What the refresh tokens of a provider's sessions are to be good for. */
export interface RefreshReach {
  resources: readonly string[];
  scopes: readonly string[];
}

/**
 * What logins ask for, so that their refresh tokens get the tokens of the upstreams: a refresh gives nothing that
 * was not granted before (RFC 6749 §6, RFC 8707 §2.2).
 */
export function refreshReach(routes: readonly RouteConfig[], provider: string): RefreshReach {
  const tokens = routes.flatMap(({ token, provider: names }) => {
    const isRefresh = token && !token.exchange && !token.clientCredentials;
    return isRefresh && (names === undefined || names.includes(provider)) ? [token] : [];
  });
  return {
    resources: [...new Set(tokens.flatMap(({ resource = [] }) => resource))],
    scopes: [...new Set(tokens.flatMap(({ scopes = [] }) => scopes))],
  };
}

/** What the `token` of a route asks a provider for. */
export function tokenAudience(config: TokenConfig): TokenAudience {
  const { audience = [], resource = [], scopes = [], params, provider, clientCredentials } = config;
  const way = config.exchange ? 'exchange' : clientCredentials ? 'client credentials' : 'refresh';
  const parameters = [
    ...audience.map((value) => ['audience', value] as const),
    ...resource.map((value) => ['resource', value] as const),
    ...(scopes.length > 0 ? [['scope', scopes.join(' ')] as const] : []),
    ...Object.entries(params),
  ];
  const settings = JSON.stringify([way, parameters, provider, clientCredentials]);
  return { id: createHash('sha256').update(settings).digest('base64url'), way, parameters, config };
}
