import type { Preset } from './preset.ts';

/**
 * Auth0. The issuer ends with a slash. Claims of one's own, roles among them, have a namespace: an Action of the
 * tenant adds them, and the file says under which name.
 *
 * @see https://auth0.com/docs/get-started/applications/configure-applications-with-oidc-discovery
 * @see https://auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims
 * @see https://auth0.com/docs/authenticate/login/logout/log-users-out-of-auth0
 */
export const auth0: Preset = {
  required: { domain: 'example.eu.auth0.com' },
  keys: ({ domain }) => ({
    label: 'Auth0',
    issuer: `https://${domain}/`,
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    endSessionEndpoint: `https://${domain}/oidc/logout`,
    claims: { username: 'nickname' },
    requireVerifiedEmail: true,
  }),
};
