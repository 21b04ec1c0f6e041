import { addressesAt, isSafe } from './addresses.ts';
import { type Check, each } from './check.ts';
import { type Provider, routes } from './subjects.ts';

const isOAuth = ({ value }: Provider): boolean => value.type === 'oauth2';

/** Whether the endpoints of a login are given by hand. */
const isByHand = ({ has }: Provider): boolean => has('authorizationEndpoint') && has('tokenEndpoint');

const isAnyTenant = ({ value }: Provider): boolean => value.insecureAnyTenant === true;

/** What OpenID Connect and plain OAuth 2.0 need and exclude. */
const ofType: readonly Check<Provider>[] = [
  {
    key: 'issuer',
    when: (provider) => !provider.has('issuer') && isOAuth(provider) && !isByHand(provider),
    says: 'this key is required where `authorizationEndpoint` and `tokenEndpoint` are not both given.',
  },
  {
    key: 'issuer',
    when: (provider) =>
      !provider.has('issuer') && provider.has('metadataUrl') && isOAuth(provider) && isByHand(provider),
    says: 'this key is required: what is read at `metadataUrl` has to name it.',
  },
  {
    key: 'issuer',
    when: (provider) => !provider.has('issuer') && !isOAuth(provider),
    says: 'this key is required: the issuer identifier, exactly as the provider states it.',
  },
  {
    key: 'userinfoEndpoint',
    when: (provider) =>
      isOAuth(provider) &&
      isByHand(provider) &&
      !provider.has('userinfoEndpoint') &&
      !provider.has('introspectionEndpoint'),
    says: 'this key is required: without an ID token, only userinfo (or `introspectionEndpoint`) says who somebody is.',
  },
  {
    key: 'pkce',
    when: (provider) => !isOAuth(provider) && provider.value.pkce === false,
    says: 'a login with OpenID Connect always has it; only `type: oauth2` can do without.',
  },
  {
    key: 'userinfo',
    when: (provider) => isOAuth(provider) && provider.value.userinfo === false,
    says: 'with `type: oauth2`, only userinfo says who somebody is.',
  },
  {
    key: 'issuerTemplate',
    when: (provider) => isOAuth(provider) && provider.has('issuerTemplate'),
    says: 'with `type: oauth2` there is no ID token whose issuer it could be.',
  },
];

/** Whether a rule of some route asks for a claim. */
const isInRules = ({ whole }: Provider, claim: string): boolean =>
  routes(whole).some(
    ({ value: { allow } }) =>
      Array.isArray(allow) && allow.some((alternative) => alternative?.claims?.[claim] !== undefined),
  );

/** The roles that tell people apart. */
const telling = ['user', 'email', 'emailVerified', 'username', 'groups'] as const;

/** A name that the browser brings is one to show. */
const ofPostedName: readonly Check<Provider>[] = [
  {
    key: 'postedName',
    when(provider) {
      const { postedName, claims = {}, requiredClaims = {}, sources = [] } = provider.value;
      const { name = 'name' } = claims;
      const isTelling = telling.some((role) => claims[role] === name);
      const isCondition = sources.some((source) => source?.ifClaim === name);
      const isUsed = isTelling || isCondition || name in requiredClaims || isInRules(provider, name);
      return postedName === true && isUsed;
    },
    says: ({ value }) =>
      `nobody signs this name, so nothing may rest on it: the claim ${value.claims?.name ?? 'name'} is in \`requiredClaims\`, in a rule or \`ifClaim\`, or says who somebody is.`,
  },
  {
    key: 'postedName',
    when: ({ value }) => value.postedName === true && value.responseMode !== 'form_post',
    says: 'it is posted with `responseMode: form_post` only.',
  },
];

/** Where a provider has many tenants, the file says which of them are let in. */
const ofTenants: readonly Check<Provider>[] = [
  {
    key: 'tenants',
    when: (provider) => provider.has('issuerTemplate') && provider.has('tenants') && isAnyTenant(provider),
    says: '`insecureAnyTenant` lets in every tenant: give one of the two.',
  },
  {
    key: 'tenants',
    when: (provider) => provider.has('issuerTemplate') && !provider.has('tenants') && !isAnyTenant(provider),
    says: 'this key is required: the tenants whose people may sign in (or `insecureAnyTenant: true` for all there are).',
  },
  {
    key: 'tenants',
    when: ({ has }) => !has('issuerTemplate') && has('tenants'),
    says: 'without `issuerTemplate` there is one tenant only, that of `issuer`.',
  },
  {
    key: 'insecureAnyTenant',
    when: (provider) => !provider.has('issuerTemplate') && !provider.has('tenants') && isAnyTenant(provider),
    says: 'without `issuerTemplate` there is one tenant only, that of `issuer`.',
  },
];

/** The addresses of the sources of a provider; none where it means plain http. */
const sourceAddresses = ({ at, value: { sources = [], insecureHttp, proxy } }: Provider) =>
  sources.flatMap((source, index) =>
    addressesAt(
      { at: [...at, 'sources', index], value: { endpoint: source?.endpoint, insecureHttp, proxy } },
      ['endpoint'],
    ),
  );

/** What a provider is, and where else it tells of its people. */
export const kindChecks: readonly Check<Provider>[] = [
  ...ofType,
  ...ofTenants,
  ...ofPostedName,
  {
    key: 'insecureUnverifiedEmail',
    when: ({ has, value }) =>
      value.requireVerifiedEmail === true && value.insecureUnverifiedEmail === true && !has('preset'),
    says: 'it contradicts `requireVerifiedEmail`: give one of the two.',
  },
  each(sourceAddresses, [isSafe]),
];
