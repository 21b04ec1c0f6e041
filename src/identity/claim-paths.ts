import type { Config } from '../config/schema/index.ts';
import type { Template } from '../config/template.ts';

/** What header templates and rules ask of a session. */
export interface ClaimNeeds {
  /** The dotted paths of the claims that are used; nothing else of a person's claims is kept. */
  claimPaths: ReadonlySet<string>;
  idToken: boolean;
}

/**
 * Collects what a configuration uses of the claims, so that sessions hold that and no more.
 * @param templates every header template of every route
 */
export function collectNeeds({ provider, routes }: Config, templates: Iterable<Template | null>): ClaimNeeds {
  const { user, email, name, groups } = provider.claims;
  const claimPaths = new Set(['sub', 'preferred_username', user, email, name, groups]);
  for (const { allow } of routes) {
    if (!Array.isArray(allow)) continue;
    for (const { claims, emails, emailDomains } of allow) {
      for (const path of Object.keys(claims ?? {})) claimPaths.add(path);
      if (emails || emailDomains) claimPaths.add('email_verified');
    }
  }
  let idToken = false;
  for (const template of templates) {
    for (const part of template ?? []) {
      if (typeof part === 'string') continue;
      if (part.value.kind === 'claim') claimPaths.add(part.value.path);
      if (part.value.kind === 'id_token') idToken = true;
    }
  }
  return { claimPaths, idToken };
}
