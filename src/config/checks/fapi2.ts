import { fapi2Algorithms } from '../../identity/provider/algorithms.ts';
import { type Check, each } from './check.ts';
import { isSecretMethod } from './client-auth.ts';
import type { Provider } from './subjects.ts';

const ofProfile = (provider: Provider): Provider[] => (provider.value.profile === 'fapi2' ? [provider] : []);

const algorithmOf = ({ value }: Provider) => value.privateKey?.alg;

/** FAPI 2.0 Security Profile §5.3.3, as far as a file can break it. */
export const fapi2Checks: readonly Check<Provider>[] = [
  each(ofProfile, [
    {
      key: 'clientAuth',
      when: ({ value: { clientAuth } }) => isSecretMethod(clientAuth) || clientAuth === 'none',
      says: '`profile: fapi2` allows private_key_jwt, tls_client_auth and self_signed_tls_client_auth only.',
    },
    {
      key: 'clientSecret',
      when: ({ has }) => has('clientSecret'),
      says: '`profile: fapi2` forbids client secrets: give `privateKey`, or `tls`.',
    },
    {
      key: 'secretFromKey',
      when: ({ has }) => has('secretFromKey'),
      says: '`profile: fapi2` forbids client secrets: drop this key, and `privateKey` signs assertions.',
    },
    {
      key: 'clientAssertionFile',
      when: ({ has }) => has('clientAssertionFile'),
      says: '`profile: fapi2` needs assertions that the gateway signs: give `privateKey`, or `tls`.',
    },
    {
      key: 'privateKey',
      when: ({ has }) => !has('privateKey') && !has('tls') && !has('clientAssertionFile'),
      says: '`profile: fapi2` needs a client that signs or has a certificate: give `privateKey`, or `tls`.',
    },
    {
      key: 'par',
      when: ({ value }) => value.par === false,
      says: '`profile: fapi2` needs pushed authorization requests: drop this key.',
    },
    {
      key: 'dpop',
      when: ({ has, value }) => has('dpop') && value.dpop === false && !has('tls'),
      says: '`profile: fapi2` needs tokens that are bound to the client: drop this key, or give `tls`.',
    },
    {
      key: 'assertionAudience',
      when: ({ value }) => value.assertionAudience !== undefined && value.assertionAudience !== 'issuer',
      says: '`profile: fapi2` allows the issuer as the audience only.',
    },
    {
      key: 'insecureHttp',
      when: ({ value }) => value.insecureHttp === true,
      says: '`profile: fapi2` forbids plain http.',
    },
    {
      key: 'privateKey',
      when(provider) {
        const alg = algorithmOf(provider);
        return alg !== undefined && !fapi2Algorithms.includes(alg);
      },
      says: (provider) =>
        `\`profile: fapi2\` allows ${fapi2Algorithms.slice(0, 3).join(', ')} only, not ${algorithmOf(provider)}.`,
    },
  ]),
];
