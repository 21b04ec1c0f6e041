import type { Needs } from '../access/condition.ts';
import { needsOfAccess } from '../access/decide.ts';
import type { Config } from '../config/schema/index.ts';
import type { Template } from '../config/template.ts';
import { needsOfTemplate } from '../forward/template.ts';

/** What header templates and rules ask of a session, or of an access token. */
export interface ClaimNeeds {
  /** The dotted paths of the claims that are used; nothing else of a person's claims is kept. */
  claimPaths: ReadonlySet<string>;
  idToken: boolean;
}

/**
 * Collects what a configuration uses of the claims, so that sessions hold that and no more.
 * @param templates those of the headers that go upstream, of every route
 */
export function collectNeeds(
  { providers, bearer, routes }: Config,
  templates: Iterable<Template | null>,
): ClaimNeeds {
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
  for (const template of [...templates, ...answered]) {
    for (const needs of needsOfTemplate(template ?? [])) {
      addClaims(needs);
      idToken ||= needs.idToken === true;
    }
  }
  return { claimPaths, idToken };
}
