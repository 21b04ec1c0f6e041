import type { Clock } from '../../clock.ts';
import type { BearerConfig } from '../../config/schema/index.ts';
import type { Keep } from '../../holdings.ts';
import type { Random } from '../../random.ts';
import { openDiscovery } from '../provider/discovery.ts';
import type { ProviderHttp } from '../provider/http.ts';
import { KeysUnavailable } from '../provider/key-set.ts';
import { discover, mayBeInsecure, type ProviderMetadata } from '../provider/library.ts';

/** An issuer that is out is not asked again by every request. */
const longestPauseMs = 1000;

export interface IssuerNeeds {
  clock: Clock;
  random: Random;
  keep: Keep;
}

/**
 * Says where an issuer's keys are: as configured, or by OpenID Connect Discovery and else by RFC 8414. It is asked
 * when a token needs it, and what was found stays in use while the issuer is out. Rejects with KeysUnavailable.
 */
export function openIssuerMetadata(
  config: BearerConfig,
  issuer: string,
  http: ProviderHttp,
  needs: IssuerNeeds,
): () => ProviderMetadata | Promise<ProviderMetadata> {
  const { jwksUri, insecureHttp } = config;
  if (jwksUri !== undefined) return () => ({ issuer, jwks_uri: jwksUri });
  const discovery = openDiscovery(
    {
      settings: ['access tokens', issuer, insecureHttp, http.trust],
      way: http.key,
      ask: () => findIssuer(config, issuer, http),
      longestMs: longestPauseMs,
    },
    needs,
  );
  return async () => {
    try {
      return await discovery.lookUp();
    } catch (error) {
      throw new KeysUnavailable('the issuer of access tokens cannot be found', { cause: error });
    }
  };
}

/** Rejects where the issuer cannot be found, or says nothing of keys that can be used. */
export async function findIssuer(
  config: Pick<BearerConfig, 'timeout' | 'insecureHttp' | 'egress'>,
  issuer: string,
  { fetch }: Pick<ProviderHttp, 'fetch'>,
): Promise<ProviderMetadata> {
  const { timeout } = config;
  const transport = { fetch, timeout, insecure: mayBeInsecure(config, issuer) };
  const metadata = await discover({ issuer, algorithms: ['oidc', 'oauth2'] }, transport);
  const { jwks_uri: uri } = metadata;
  if (uri === undefined) throw new Error('the issuer names no keys');
  if (new URL(uri).protocol !== 'https:' && !mayBeInsecure(config, uri))
    throw new Error("the issuer's jwks_uri is plain http; it is not used unless insecureHttp is set");
  // What else is stated is about ID tokens and logins, and not about access tokens.
  return { issuer: metadata.issuer, jwks_uri: uri };
}
