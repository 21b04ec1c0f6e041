import type { Preset } from './preset.ts';

/**
 * Apple. The client secret is a JWT of the key that is downloaded once, whose identifier is `privateKey.kid`. With a scope,
 * the response has to be posted, and the first login brings the name beside the code. There is no userinfo endpoint.
 *
 * @see https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
 * @see https://developer.apple.com/documentation/signinwithapple/configuring-your-webpage-for-sign-in-with-apple
 */
export const apple: Preset = {
  required: { teamId: 'A1B2C3D4E5' },
  keys: ({ teamId }) => ({
    label: 'Apple',
    issuer: 'https://appleid.apple.com',
    secretFromKey: { issuer: teamId },
    scopes: ['openid', 'name', 'email'],
    responseMode: 'form_post',
    postedName: true,
    claims: { username: 'email' },
    requireVerifiedEmail: true,
  }),
};
