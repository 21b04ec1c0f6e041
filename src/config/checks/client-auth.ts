import type { Check } from './check.ts';
import type { Provider } from './subjects.ts';

export const isSecretMethod = (clientAuth: string | undefined): boolean =>
  clientAuth?.startsWith('client_secret_') ?? false;

/** The secret travels as it is, be it a JWT. */
const isPlainSecret = (clientAuth: string): boolean =>
  clientAuth === 'client_secret_post' || clientAuth === 'client_secret_basic';

/** Whether the client authenticates with a secret, as far as that can be told. */
function takesSecret({ has, value: { clientAuth } }: Provider): boolean {
  if (has('secretFromKey')) return false;
  if (has('clientAuth')) return isSecretMethod(clientAuth);
  return !has('privateKey') && !has('tls') && !has('clientAssertionFile');
}

/** What each way to authenticate needs and excludes. */
export const clientAuthChecks: readonly Check<Provider>[] = [
  {
    key: 'clientSecret',
    when: (provider) =>
      takesSecret(provider) &&
      !provider.has('clientSecret') &&
      provider.has('clientId') &&
      provider.value.profile !== 'fapi2',
    says: 'this key is required: the secret that the provider issued, as ${NAME} or ${file:/path} (or `clientAuth: none` for a public client).',
  },
  {
    key: 'clientSecret',
    when: ({ has, value: { clientAuth } }) =>
      clientAuth !== undefined && !isSecretMethod(clientAuth) && has('clientSecret'),
    says: ({ value }) => `a client with \`clientAuth: ${value.clientAuth}\` has no secret.`,
  },
  {
    key: 'clientSecret',
    when: ({ has, value }) =>
      !has('clientAuth') && has('privateKey') && has('clientSecret') && value.profile !== 'fapi2',
    says: '`privateKey` is given too: drop one of the two, or say which by `clientAuth`.',
  },
  {
    key: 'privateKey',
    when: ({ has, value }) =>
      value.clientAuth === 'private_key_jwt' && !has('privateKey') && !has('clientAssertionFile'),
    says: 'this key is required: private_key_jwt signs with it.',
  },
  {
    key: 'tls',
    when: ({ has, value }) => value.clientAuth?.includes('tls_client_auth') === true && !has('tls'),
    says: ({ value }) => `this key is required: ${value.clientAuth} shows this certificate.`,
  },
  {
    key: 'privateKey',
    when: ({ has, value }) => value.requestObject === true && !has('privateKey'),
    says: 'this key is required: `requestObject` signs with it.',
  },
  {
    // With a secret or a certificate it may be there to open what the provider encrypts.
    key: 'privateKey',
    when: ({ has, value: { clientAuth, requestObject } }) =>
      has('privateKey') && clientAuth === 'none' && requestObject !== true,
    says: 'neither `clientAuth` nor `requestObject` uses it: a client that can keep a key signs with it, by private_key_jwt.',
  },
  {
    key: 'privateKey',
    when: ({ has }) => has('secretFromKey') && !has('privateKey') && !has('clientSecret'),
    says: 'this key is required: `secretFromKey` signs with it.',
  },
  {
    key: 'clientAssertionFile',
    when: ({ has }) => has('clientAssertionFile') && has('clientSecret') && !has('clientAuth'),
    says: '`clientSecret` is given too: drop one of the two, or say which by `clientAuth`.',
  },
  {
    key: 'secretFromKey',
    when: ({ has, value: { clientAuth } }) =>
      has('secretFromKey') && clientAuth !== undefined && !isPlainSecret(clientAuth),
    says: 'it is a client secret: drop `clientAuth`, or say client_secret_post or client_secret_basic.',
  },
];
