import type { Needs } from '../access/condition.ts';
import { needsOfAccess } from '../access/decide.ts';
import type { Config, ProviderConfig } from '../config/schema/index.ts';
import type { Template } from '../config/template.ts';
import { needsOfTemplate } from '../forward/template.ts';

/** What header templates and rules ask of a session, or of an access token. */
export interface ClaimNeeds {
  /** The dotted paths of the claims that are used; nothing else of a person's claims is kept. */
  claimPaths: ReadonlySet<string>;
  idToken: boolean;
  /** The claims that a rule or a header names, of the people of one provider: who lacks them is refused for no reason that is seen. */
  namedClaims(provider: string, claims: ProviderConfig['claims']): ReadonlySet<string>;
}

/**
 * Collects what a configuration uses of the claims, so that sessions hold that and no more.
 * @param templates those of the headers that go upstream, of every route
 */
export function collectNeeds(
  { providers, bearer, routes, defaultHeaders }: Config,
  templates: Iterable<Template | null>,
): ClaimNeeds {
  const sent = [...templates];
  const claimPaths = new Set(['sub', 'preferred_username']);
  const sources = [...Object.values(providers), ...bearer];
  const addClaims = ({ paths = [], roles = [] }: Needs) => {
    for (const path of paths) claimPaths.add(path);
    for (const { claims } of sources) for (const role of roles) claimPaths.add(claims[role]);
  };
  // Pages and the log tell them, whatever rules and headers ask for.
  addClaims({ roles: ['user', 'email', 'name', 'groups'] });
  for (const route of routes) addClaims(needsOfAccess(route));
  const answered = routes.flatMap(({ responseHeaders }) => Object.values(responseHeaders));
  let idToken = false;
  for (const template of [...sent, ...answered]) {
    for (const needs of needsOfTemplate(template ?? [])) {
      addClaims(needs);
      idToken ||= needs.idToken === true;
    }
  }
  const usual = new Set<Template | null>(Object.values(defaultHeaders));
  const chosen = [...sent.filter((template) => !usual.has(template)), ...answered];
  return { claimPaths, idToken, namedClaims: createNamedClaims(routes, chosen) };
}

/** @param chosen the templates that the configuration has */
function createNamedClaims(
  routes: Config['routes'],
  chosen: readonly (Template | null)[],
): ClaimNeeds['namedClaims'] {
  const ofHeaders: readonly Needs[] = chosen.flatMap((template) => needsOfTemplate(template ?? []));
  return (provider, claims) => {
    const isAsked = ({ provider: names }: Config['routes'][number]) =>
      names === undefined || names.includes(provider);
    const needs = [...ofHeaders, ...routes.filter(isAsked).map(needsOfAccess)];
    // Every application is told these, where a provider has them; a file that says where means that they are there.
    const said = (['user', 'email', 'name', 'groups'] as const).filter(
      (role) => claims[role] !== usualClaims[role],
    );
    const roles = [...needs.flatMap(({ roles: each = [] }) => each), ...said];
    const named = [...needs.flatMap(({ paths = [] }) => paths), ...roles.map((role) => claims[role])];
    // Of these two, a login that needs them says more; and that nobody says an address is verified means nothing.
    return new Set(named.filter((path) => !['acr', 'auth_time', claims.emailVerified].includes(path)));
  };
}

const usualClaims = { user: 'sub', email: 'email', name: 'name', groups: 'groups' } as const;
