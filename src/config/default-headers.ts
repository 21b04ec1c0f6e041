import { parseTemplate, type Template } from './template.ts';

/** What every application gets unless its configuration says otherwise. */
export const defaultHeaders: Readonly<Record<string, Template>> = {
  Authorization: parseTemplate('Bearer {access_token}'),
  'X-Forwarded-User': parseTemplate('{user}'),
  'X-Forwarded-Email': parseTemplate('{email}'),
  'X-Forwarded-Preferred-Username': parseTemplate('{claims.preferred_username}'),
  'X-Forwarded-Groups': parseTemplate('{groups}'),
};
