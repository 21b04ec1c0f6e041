import type { ProviderConfig } from './schema/index.ts';
import { parseTemplate, type Template } from './template.ts';

/** What every application gets unless its configuration says otherwise. */
export function defaultHeaders({ user, email, groups }: ProviderConfig['claims']): Record<string, Template> {
  return {
    Authorization: parseTemplate('Bearer {access_token}'),
    'X-Forwarded-User': parseTemplate(`{claims.${user}}`),
    'X-Forwarded-Email': parseTemplate(`{claims.${email}}`),
    'X-Forwarded-Preferred-Username': parseTemplate('{claims.preferred_username}'),
    'X-Forwarded-Groups': parseTemplate(`{claims.${groups}}`),
  };
}
