import type { Preset } from './preset.ts';

/**
 * GitHub: OAuth 2.0 without an ID token. Its own service, or with `url` a GitHub Enterprise Server, whose API is
 * below `/api/v3` unless `api` says otherwise. `login` can be changed and taken by somebody else, `id` stays. `/user` shows a public address;
 * `/user/emails` has the primary one and whether it is verified. Answers of the API come in pages, and an
 * organization may refuse the application (403). Authorization responses may name
 * `https://github.com/login/oauth` as issuer.
 *
 * @see https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 * @see https://docs.github.com/en/rest/users/emails
 * @see https://docs.github.com/en/rest/orgs/orgs#list-organizations-for-the-authenticated-user
 * @see https://docs.github.com/en/rest/teams/teams#list-teams-for-the-authenticated-user
 */
export const github: Preset = {
  optional: { url: 'https://github.com', api: undefined },
  keys: ({ url, api: given }) => {
    const api = given ?? (url === 'https://github.com' ? 'https://api.github.com' : `${url}/api/v3`);
    return {
      label: 'GitHub',
      type: 'oauth2',
      issuer: `${url}/login/oauth`,
      authorizationEndpoint: `${url}/login/oauth/authorize`,
      tokenEndpoint: `${url}/login/oauth/access_token`,
      userinfoEndpoint: `${api}/user`,
      scopes: ['read:user', 'user:email', 'read:org'],
      claims: { user: 'id', username: 'login' },
      sources: [
        {
          endpoint: `${api}/user/emails`,
          claim: 'email',
          where: { primary: true, verified: true },
          value: 'email',
          first: true,
        },
        { endpoint: `${api}/user/orgs?per_page=100`, claim: 'groups', value: 'login' },
        {
          endpoint: `${api}/user/teams?per_page=100`,
          claim: 'groups',
          value: '{organization.login}/{slug}',
          optional: true,
        },
      ],
    };
  },
};
