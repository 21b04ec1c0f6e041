import type { AllowRule, Config } from '../config/schema/index.ts';
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
  for (const { claims } of [...Object.values(providers), ...bearer]) {
    for (const path of [claims.user, claims.email, claims.name, claims.groups]) claimPaths.add(path);
  }
  for (const { allow, stepUp } of routes) {
    for (const path of claimsOfRule(allow)) claimPaths.add(path);
    if (stepUp) for (const path of ['acr', 'auth_time']) claimPaths.add(path);
    if (!asksForEmail(allow)) continue;
    for (const { claims } of [...Object.values(providers), ...bearer]) claimPaths.add(claims.emailVerified);
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

function claimsOfRule(allow: AllowRule): string[] {
  if (!Array.isArray(allow)) return [];
  return allow.flatMap(({ claims }) => Object.keys(claims ?? {}));
}

function asksForEmail(allow: AllowRule): boolean {
  return Array.isArray(allow) && allow.some(({ emails, emailDomains }) => emails ?? emailDomains);
}
