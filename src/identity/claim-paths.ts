import type { Config } from '../config/schema/index.ts';
import type { Template } from '../config/template.ts';

/** What header templates ask of a session. */
export interface TemplateNeeds {
  /** The dotted paths of the claims that are used; nothing else of a person's claims is kept. */
  claimPaths: ReadonlySet<string>;
  idToken: boolean;
}

/**
 * Collects what a configuration uses of the claims, so that sessions hold that and no more.
 * @param templates every header template of every route
 */
export function collectNeeds({ provider }: Config, templates: Iterable<Template | null>): TemplateNeeds {
  const { user, email, name, groups } = provider.claims;
  const claimPaths = new Set(['sub', 'preferred_username', user, email, name, groups]);
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
