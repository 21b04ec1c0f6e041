import type { Preset } from './preset.ts';

/**
 * GitLab, its own service or an installation. Userinfo has `groups`, the paths of every group that somebody is in,
 * through others too; the ID token has only `groups_direct`. There is no logout address.
 *
 * @see https://docs.gitlab.com/integration/openid_connect_provider/
 */
export const gitlab: Preset = {
  optional: { url: 'https://gitlab.com' },
  keys: ({ url }) => ({
    label: 'GitLab',
    issuer: url,
    userinfo: true,
    requireVerifiedEmail: true,
  }),
};
