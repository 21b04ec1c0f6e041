import type { Preset } from './preset.ts';

/**
 * Google. `hd` in the request only makes the page shorter: what counts is the claim `hd` of the ID token, which
 * accounts outside of Google Workspace don't have. A refresh token comes with `access_type=offline`, and again
 * only with `prompt=consent`.
 *
 * @see https://developers.google.com/identity/openid-connect/openid-connect#hd-param
 * @see https://developers.google.com/identity/openid-connect/reference
 */
export const google: Preset = {
  optional: { hostedDomain: undefined },
  keys: ({ hostedDomain: only }, { hostedDomain: several }) => ({
    label: 'Google',
    issuer: 'https://accounts.google.com',
    authorizationParams: {
      access_type: 'offline',
      // Of several domains the page can be told that it has to be some.
      ...((only !== undefined || several) && { hd: only ?? '*' }),
    },
    prompt: 'consent',
    claims: { username: 'email' },
    requireVerifiedEmail: true,
    ...((only !== undefined || several) && { requiredClaims: { hd: only ?? several } }),
  }),
};
