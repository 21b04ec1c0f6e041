import { needsOfAccess } from '../access/decide.ts';
import type { Config } from '../config/schema/index.ts';
import type { Template } from '../config/template.ts';
import { valuesOf } from '../forward/template.ts';

/** What header templates and rules ask of a session, or of an access token. */
export interface ClaimNeeds {
  /** The dotted paths of the claims that are used; nothing else of a person's claims is kept. */
  claimPaths: ReadonlySet<string>;
  idToken: boolean;
}

/**
 * Collects what a configuration uses of the claims, so that sessions hold that and no more.
 * @param templates every header template of every route
 */
export function collectNeeds(
  { providers, bearer, routes }: Config,
  templates: Iterable<Template | null>,
): ClaimNeeds {
  const claimPaths = new Set(['sub', 'preferred_username']);
  const sources = [...Object.values(providers), ...bearer];
  for (const { claims } of sources) {
    for (const path of [claims.user, claims.email, claims.name, claims.groups]) claimPaths.add(path);
  }
  for (const route of routes) {
    const { paths, roles } = needsOfAccess(route);
    for (const path of paths) claimPaths.add(path);
    for (const { claims } of sources) for (const role of roles) claimPaths.add(claims[role]);
  }
  let idToken = false;
  for (const template of templates) {
    for (const value of valuesOf(template ?? [])) {
      if (value.kind === 'claim') claimPaths.add(value.path);
      if (value.kind === 'id_token') idToken = true;
    }
  }
  return { claimPaths, idToken };
}
