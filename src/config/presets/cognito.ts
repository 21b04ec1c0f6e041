import type { Preset } from './preset.ts';

/**
 * Amazon Cognito. The user pool is the issuer, and people sign in at a domain beside it. Groups are in
 * `cognito:groups` of the ID token. Logout has parameters of its own.
 *
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
 */
export const cognito: Preset = {
  required: {
    region: 'eu-central-1',
    userPool: 'eu-central-1_AbCdEfGhI',
    domain: 'example.auth.eu-central-1.amazoncognito.com',
  },
  keys: ({ region, userPool, domain }) => ({
    label: 'Amazon Cognito',
    issuer: `https://cognito-idp.${region}.amazonaws.com/${userPool}`,
    endSessionEndpoint: `https://${domain}/logout`,
    endSessionParams: { client_id: '{client_id}', logout_uri: '{return_to}' },
    claims: { username: 'cognito:username', groups: 'cognito:groups' },
    requireVerifiedEmail: true,
  }),
};
