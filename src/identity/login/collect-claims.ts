import {
  type Configuration,
  type DPoPHandle,
  fetchUserInfo,
  type TokenEndpointResponse,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { describeError, type Logger } from '../../observe/log.ts';
import { loginError } from '../provider/failure.ts';
import type { Provider } from '../provider/provider.ts';
import { pickClaims } from './claims.ts';

export interface ClaimsParts {
  provider: Provider;
  /** The dotted paths of every claim that the configuration uses. */
  claimPaths: ReadonlySet<string>;
  log: Logger;
  /** Proves the key that the access token is bound to. */
  dpop?: DPoPHandle | undefined;
}

/** How and when somebody signed in is what the ID token says of one sign-in; userinfo speaks of the person. */
const idTokenOnly: ReadonlySet<string> = new Set(['acr', 'auth_time']);

/**
 * The claims that the configuration uses: of the ID token, and of userinfo where that is asked. Rejects with
 * GatewayError, save that userinfo may be out while `userinfo` is `auto`.
 * @param known claims that stand in for what cannot be had now
 */
export async function collectClaims(
  { provider, claimPaths, log, dpop }: ClaimsParts,
  client: Configuration,
  tokens: TokenEndpointResponse,
  idToken: { sub: string },
  known: Readonly<Record<string, unknown>> = {},
): Promise<Record<string, unknown>> {
  const claims = pickClaims(idToken, claimPaths);
  const isComplete = [...claimPaths].every((path) => path in claims || idTokenOnly.has(path));
  if (!shouldAskUserinfo(provider, client, isComplete))
    return { ...(tokens.id_token ? {} : known), ...claims };
  try {
    // OpenID Connect Core §5.3.2: an answer about somebody else is refused by the library.
    const userinfo = await fetchUserInfo(client, tokens.access_token, idToken.sub, dpop && { DPoP: dpop });
    const told = pickClaims(userinfo, claimPaths);
    for (const path of idTokenOnly) delete told[path];
    return { ...told, ...claims };
  } catch (error) {
    const failure = loginError(error);
    // RFC 8707 §2: a token for another resource may be refused there.
    const isForAnother = provider.config.resource && error instanceof WWWAuthenticateChallengeError;
    const mayGoOn =
      provider.config.userinfo === 'auto' && (failure.code === 'provider_unavailable' || isForAnother);
    if (!mayGoOn) throw failure;
    log.warn(
      { provider: provider.name, reason: describeError(error) },
      'userinfo failed; its claims are missing',
    );
    return { ...known, ...claims };
  }
}

function shouldAskUserinfo({ config }: Provider, client: Configuration, isComplete: boolean): boolean {
  if (config.userinfo === false || client.serverMetadata().userinfo_endpoint === undefined) return false;
  return config.userinfo === true || !isComplete;
}
