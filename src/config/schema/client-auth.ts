import { z } from 'zod';
import { asymmetricAlgorithms } from './algorithms.ts';
import { text } from './fields.ts';

const clientAuthMethods = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'none',
] as const;

const privateKey = z
  .preprocess(
    (value) => (typeof value === 'string' ? { key: value } : value),
    z.strictObject({
      key: text('a private key: PEM or JWK, or the path of its file').meta({
        description: 'The private key, PEM or JWK: the path of its file, or the text itself.',
        secret: true,
      }),
      kid: text()
        .optional()
        .meta({ description: 'The key id by which the provider knows it; unset, that of the JWK.' }),
      alg: z
        .enum(asymmetricAlgorithms, { error: `one of ${asymmetricAlgorithms.join(', ')}` })
        .optional()
        .meta({
          description:
            'The algorithm; unset, that of the JWK, or the usual one of its kind: RS256 (PS256 in `profile: fapi2`), ES256 and so on by curve, EdDSA.',
        }),
    }),
  )
  .optional()
  .meta({
    description:
      'The key that signs for the gateway, in private_key_jwt and request objects: a PEM file, a JWK file, or the text of either; or an object with `kid` and `alg`.',
    short: 'key',
  });

const tls = z
  .strictObject({
    cert: text('a PEM file').meta({ description: 'The client certificate chain, a PEM file.' }),
    key: text('a PEM file').meta({ description: 'Its private key, a PEM file.' }),
  })
  .optional()
  .meta({
    description:
      "A client certificate for calls to the provider (RFC 8705). The provider's `mtls_endpoint_aliases` are used where it has them.",
  });

/** How the gateway proves to a provider who it is: keys of a provider. */
export const clientAuthKeys = {
  clientAuth: z
    .enum(clientAuthMethods, { error: `one of ${clientAuthMethods.join(', ')}` })
    .optional()
    .meta({
      description:
        'How the gateway authenticates at the token endpoint and its like. Unset, it follows what is given: `privateKey` means private_key_jwt, `tls` alone tls_client_auth, `clientSecret` client_secret_basic, or client_secret_post where the provider supports only that.',
    }),
  privateKey,
  assertionAudience: z
    .enum(['issuer', 'tokenEndpoint'], { error: 'one of issuer, tokenEndpoint' })
    .prefault('issuer')
    .meta({
      description:
        'The audience of the assertions of private_key_jwt and client_secret_jwt (RFC 7523 §3): the issuer identifier, or the token URL for providers that ask for it.',
    }),
  tls,
};
