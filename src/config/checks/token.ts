import { reservedTokenParams } from '../schema/token.ts';
import type { Template } from '../template.ts';
import { type Check, each } from './check.ts';
import { providerNames, type Route, routes, type Whole } from './subjects.ts';

/** Whether a way to a token is given; one that is not valid was meant to be. */
const isGiven = ({ value }: Route, way: 'exchange' | 'clientCredentials'): boolean =>
  value.token !== undefined && value.token[way] !== false;

const hasWay = (route: Route): boolean => isGiven(route, 'exchange') || isGiven(route, 'clientCredentials');

/** Whether one of the templates holds the value. */
function namesToken(templates: { readonly [name: string]: unknown } | undefined): boolean {
  return (Object.values(templates ?? {}) as (Template | null | undefined)[]).some((template) =>
    (template ?? []).some((part) => typeof part !== 'string' && part.value.kind === 'token'),
  );
}

const ifWithToken = (route: Route): Route[] => (route.has('token') ? [route] : []);

const ifWithoutToken = (route: Route): Route[] => (route.has('token') ? [] : [route]);

const noToken = '{token} needs a `token` of this route.';

function unknownProvider({ value, whole }: Route): string | undefined {
  const name = value.token?.provider;
  return name === undefined || providerNames(whole).includes(name) ? undefined : name;
}

/** The first of the further parameters that the file may not set, in any letter case. */
const reservedParam = (route: Route): string | undefined =>
  route.keys('token', 'params').find((name) => reservedTokenParams.includes(name.toLowerCase()));

/** A token needs one way to get it; and a template that names it, a route that gets it. */
const tokenChecks: readonly Check<Route>[] = [
  {
    key: 'token',
    when: (route) => isGiven(route, 'exchange') && isGiven(route, 'clientCredentials'),
    says: '`exchange` and `clientCredentials` are two ways to a token: give one of them.',
  },
  {
    key: 'token',
    when: (route) => !hasWay(route) && !route.has('token', 'resource'),
    says: 'it needs a way to a token: `exchange`, `clientCredentials`, or `resource`.',
  },
  {
    key: 'token',
    when: (route) => !hasWay(route) && route.has('token', 'resource') && route.has('token', 'audience'),
    says: 'a refresh knows `resource` only: `audience` needs `exchange` or `clientCredentials`.',
  },
  {
    key: 'token',
    when: (route) => reservedParam(route) !== undefined,
    says: (route) =>
      `\`params\` must not have ${reservedParam(route)}: the gateway sets it, or there is a key for it.`,
  },
  {
    key: 'token',
    when: (route) => unknownProvider(route) !== undefined,
    says: (route) =>
      `no provider has the name ${unknownProvider(route)}; there are ${providerNames(route.whole).join(', ')}.`,
  },
  {
    key: 'token',
    when: (route) =>
      isGiven(route, 'clientCredentials') &&
      !route.has('token', 'provider') &&
      providerNames(route.whole).length !== 1,
    says: 'of several providers, `provider` has to name the one that gives the token.',
  },
];

export const upstreamTokenChecks: readonly Check<Whole>[] = [
  each(routes, [
    each(ifWithoutToken, [
      { key: 'headers', when: ({ value }) => namesToken(value.headers), says: noToken },
      { key: 'basicAuth', when: ({ value }) => namesToken(value.basicAuth), says: noToken },
    ]),
    each(ifWithToken, tokenChecks),
  ]),
  {
    key: 'headers',
    when: (whole) =>
      namesToken(whole.value.headers) &&
      (whole.has('upstream') || routes(whole).some(({ has }) => !has('token'))),
    says: '{token} needs a `token`, which not every route has.',
  },
];

export const stepUpChecks: readonly Check<Whole>[] = [
  each(routes, [
    {
      key: 'stepUp',
      when: ({ has, value }) => has('stepUp') && value.allow === 'public',
      says: 'the route is public, so nobody is asked to sign in.',
    },
  ]),
];
