import { isLoopback } from '../identity/provider/loopback.ts';
import { asList, asMap, isOff, isOn, type Loose } from './loose.ts';
import type { ProviderConfig } from './schema/index.ts';

interface KindProblem {
  path: (string | number)[];
  message: string;
}

/** What the keys of one provider need or exclude, as to its kind and where it tells of its people. */
export function findKindProblems(provider: Loose): KindProblem[] {
  const found: KindProblem[] = [];
  const report = (key: string, message: string) => found.push({ path: [key], message });
  const { issuer, issuerTemplate, authorizationEndpoint, tokenEndpoint } = provider;
  const { userinfoEndpoint, introspectionEndpoint } = provider;
  const byHand = authorizationEndpoint !== undefined && tokenEndpoint !== undefined;
  const isOAuth = provider.type === 'oauth2';
  if (issuer === undefined && !(isOAuth && byHand)) {
    report(
      'issuer',
      isOAuth
        ? 'this key is required where `authorizationEndpoint` and `tokenEndpoint` are not both given.'
        : 'this key is required: the issuer identifier, exactly as the provider states it.',
    );
  }
  if (isOAuth && byHand && userinfoEndpoint === undefined && introspectionEndpoint === undefined) {
    report(
      'userinfoEndpoint',
      'this key is required: without an ID token, only userinfo (or `introspectionEndpoint`) says who somebody is.',
    );
  }
  if (!isOAuth && isOff(provider.pkce)) {
    report('pkce', 'a login with OpenID Connect always has it; only `type: oauth2` can do without.');
  }
  if (isOAuth && (provider.userinfo === false || provider.userinfo === 'false')) {
    report('userinfo', 'with `type: oauth2`, only userinfo says who somebody is.');
  }
  if (isOAuth && issuerTemplate !== undefined) {
    report('issuerTemplate', 'with `type: oauth2` there is no ID token whose issuer it could be.');
  }
  found.push(...tenantProblems(provider));
  if (
    isOn(provider.requireVerifiedEmail) &&
    isOn(provider.insecureUnverifiedEmail) &&
    provider.preset === undefined
  ) {
    report('insecureUnverifiedEmail', 'it contradicts `requireVerifiedEmail`: give one of the two.');
  }
  return [...found, ...sourceProblems(provider)];
}

function tenantProblems(provider: Loose): KindProblem[] {
  const { issuerTemplate } = provider;
  const isLimited = provider.tenants !== undefined;
  const isAny = isOn(provider.insecureAnyTenant);
  if (issuerTemplate !== undefined && isLimited === isAny) {
    const message = isLimited
      ? '`insecureAnyTenant` lets in every tenant: give one of the two.'
      : 'this key is required: the tenants whose people may sign in (or `insecureAnyTenant: true` for all there are).';
    return [{ path: ['tenants'], message }];
  }
  if (issuerTemplate === undefined && (isLimited || isAny)) {
    const message = 'without `issuerTemplate` there is one tenant only, that of `issuer`.';
    return [{ path: [isLimited ? 'tenants' : 'insecureAnyTenant'], message }];
  }
  return [];
}

function sourceProblems(provider: Loose): KindProblem[] {
  if (isOn(provider.insecureHttp)) return [];
  return asList(provider.sources).flatMap((source, index) => {
    const { endpoint } = asMap(source);
    if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) return [];
    const url = new URL(endpoint);
    if (url.protocol === 'https:' || isLoopback(url)) return [];
    const message = 'plain http to another machine is not safe: use https, or say `insecureHttp: true`.';
    return [{ path: ['sources', index, 'endpoint'], message }];
  });
}

/** The provider with an issuer: where none is named, the origin of its authorization endpoint. */
export function withIssuer<
  T extends { issuer?: string | undefined; authorizationEndpoint?: string | undefined },
>(provider: T): T & Pick<ProviderConfig, 'issuer'> {
  return { ...provider, issuer: provider.issuer ?? new URL(provider.authorizationEndpoint ?? '').origin };
}
