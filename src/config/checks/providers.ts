import { nearest } from '../suggest.ts';
import { addressesAt, isSafe } from './addresses.ts';
import { authorizationParamsChecks } from './authorization-params.ts';
import { type Check, each, type Subject } from './check.ts';
import { clientAuthChecks } from './client-auth.ts';
import { fapi2Checks } from './fapi2.ts';
import { idTokenAlgorithmChecks } from './id-token-algorithms.ts';
import { kindChecks } from './provider-kind.ts';
import { origins, type Provider, providerNames, providers, routes, type Whole } from './subjects.ts';

const addresses = (provider: Provider) =>
  addressesAt(provider, [
    'issuer',
    'metadataUrl',
    'authorizationEndpoint',
    'tokenEndpoint',
    'userinfoEndpoint',
    'jwksUri',
    'endSessionEndpoint',
    'revocationEndpoint',
    'introspectionEndpoint',
    'pushedAuthorizationRequestEndpoint',
  ]);

/** Whether somebody can be asked to sign in, or is never asked to. */
function needsNoLogin(whole: Whole): boolean {
  const { has, value } = whole;
  const isOpen = (value.routes ?? []).every((route) => route?.allow === 'public');
  const isAllOpen = isOpen && !has('upstream') && has('routes');
  const isForPrograms = has('bearer') && value.bearer?.length !== 0;
  return isAllOpen || isForPrograms;
}

interface ProviderName extends Subject {
  name: string;
  known: readonly string[];
}

/** The names of providers that routes know and this configuration does not. */
function unknownNames(whole: Whole): ProviderName[] {
  const known = providerNames(whole);
  return routes(whole).flatMap(({ at, value }) =>
    (value.provider ?? []).flatMap((name) =>
      name === undefined || known.includes(name) ? [] : [{ at: [...at, 'provider'], name, known }],
    ),
  );
}

export const providerChecks: readonly Check<Whole>[] = [
  each(providers, [
    ...clientAuthChecks,
    ...authorizationParamsChecks,
    ...fapi2Checks,
    ...idTokenAlgorithmChecks,
    ...kindChecks,
    each(addresses, [isSafe]),
  ]),
  {
    key: 'provider',
    when: ({ has }) => has('provider') && has('providers', 'default'),
    says: 'it is short for `providers.default`: give one of the two.',
  },
  {
    key: 'provider',
    when: (whole) => providerNames(whole).length === 0 && !needsNoLogin(whole),
    says: 'this key is required: where people sign in, with `issuer`, `clientId` and `clientSecret` (or `bearer`, for programs alone).',
  },
  each(providers, [
    {
      // The browser brings the login's cookie along with a form of another site only as `SameSite=None; Secure`.
      key: 'responseMode',
      when: ({ value, whole }) =>
        value.responseMode === 'form_post' && origins(whole).some(({ protocol }) => protocol === 'http:'),
      says: 'form_post needs a cookie that browsers take on https only, and publicUrl is http.',
    },
  ]),
  each(unknownNames, [
    {
      when: () => true,
      says({ name, known }) {
        const meant = nearest(name, known);
        return `no provider has the name ${name}${meant ? `; did you mean ${meant}?` : `; there are ${known.join(', ')}.`}`;
      },
    },
  ]),
];
