import type { Preset } from './preset.ts';

/**
 * Keycloak. The issuer is `<url>/realms/<realm>`; realm roles are in `realm_access.roles` of access tokens, and
 * in userinfo and ID tokens where the mapper says so.
 *
 * @see https://www.keycloak.org/securing-apps/oidc-layers
 * @see https://www.keycloak.org/docs/latest/server_admin/#_protocol-mappers
 */
export const keycloak: Preset = {
  required: { url: 'https://id.example.com', realm: 'main' },
  keys: ({ url, realm }) => ({
    label: 'Keycloak',
    issuer: `${url}/realms/${realm}`,
    claims: { groups: 'realm_access.roles' },
  }),
};
