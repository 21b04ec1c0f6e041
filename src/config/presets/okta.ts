import type { Preset } from './preset.ts';

/**
 * Okta. Without `authorizationServer`, the one of the organization signs; its ID tokens have the claim `groups`
 * where the application is set up for it and the scope `groups` is asked for. A custom one has an issuer of its
 * own, and refuses scopes that it was not given, such as `groups`.
 *
 * @see https://developer.okta.com/docs/concepts/auth-servers/
 * @see https://developer.okta.com/docs/guides/customize-tokens-groups-claim/main/
 */
export const okta: Preset = {
  required: { domain: 'example.okta.com' },
  optional: { authorizationServer: undefined },
  keys: ({ domain, authorizationServer }) => ({
    label: 'Okta',
    issuer: `https://${domain}${authorizationServer === undefined ? '' : `/oauth2/${authorizationServer}`}`,
    scopes: [
      ...['openid', 'profile', 'email', 'offline_access'],
      ...(authorizationServer === undefined ? ['groups'] : []),
    ],
    requireVerifiedEmail: true,
  }),
};
