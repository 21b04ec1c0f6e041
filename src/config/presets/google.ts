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
  keys: ({ hostedDomain }) => ({
    label: 'Google',
    issuer: 'https://accounts.google.com',
    authorizationParams: {
      access_type: 'offline',
      ...(hostedDomain !== undefined && { hd: hostedDomain }),
    },
    prompt: 'consent',
    claims: { username: 'email' },
    requireVerifiedEmail: true,
    ...(hostedDomain !== undefined && { requiredClaims: { hd: hostedDomain } }),
  }),
};
