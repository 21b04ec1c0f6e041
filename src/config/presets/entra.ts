import type { Preset } from './preset.ts';

/**
 * Microsoft Entra ID, v2.0. The addresses of `common`, `organizations` and `consumers` serve many tenants: their
 * metadata has an issuer with `{tenantid}` in it, which is the `tid` of each ID token. `oid` is the person in all
 * applications of a tenant, `sub` in one application only. Somebody in more than 200 groups gets none of them:
 * `_claim_names` then says so, and Microsoft Graph has them. An email address says nothing of its owner, unless
 * the optional claim `xms_edov` says that the tenant owns its domain. National clouds have other addresses.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/access-tokens#multitenant-applications
 * @see https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
 * @see https://learn.microsoft.com/entra/identity-platform/optional-claims-reference
 * @see https://learn.microsoft.com/graph/api/user-list-transitivememberof
 */
export const entra: Preset = {
  required: { tenant: '11111111-2222-3333-4444-555555555555' },
  optional: { url: 'https://login.microsoftonline.com', api: 'https://graph.microsoft.com' },
  keys: ({ tenant = '', url, api }) => ({
    label: 'Microsoft',
    issuer: `${url}/${tenant}/v2.0`,
    ...(/^(common|organizations|consumers)$/.test(tenant) && {
      issuerTemplate: `${url}/{tid}/v2.0`,
    }),
    scopes: ['openid', 'profile', 'email', 'offline_access', 'User.Read'],
    claims: { user: 'oid', emailVerified: 'xms_edov' },
    requireVerifiedEmail: true,
    sources: [
      {
        endpoint: `${api}/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id&$top=999`,
        ifClaim: '_claim_names.groups',
        claim: 'groups',
        items: 'value',
        value: 'id',
        nextPage: '@odata.nextLink',
      },
    ],
  }),
};
