import { z } from 'zod';
import { asymmetricAlgorithms } from './algorithms.ts';
import { text } from './fields.ts';
import { spelled, word } from './spellings.ts';

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
      kid: spelled(
        [word('false', false)],
        z.union([text(), z.literal(false)], { error: 'a key id, or false' }),
      )
        .optional()
        .meta({
          description:
            'The key id by which the provider knows it; unset, that of the JWK. `false` names none, for a provider that knows the key by a certificate.',
        }),
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
      'The key that signs for the gateway, in private_key_jwt and request objects, and opens what the provider encrypts for it: a PEM file, a JWK file, or the text of either; or an object with `kid` and `alg`.',
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

const assertionTypes = ['jwt-bearer', 'jwt-spiffe'] as const;

const clientAssertionFile = z
  .preprocess(
    (value) => (typeof value === 'string' ? { file: value } : value),
    z.strictObject({
      file: text('the path of a file').meta({ description: 'The path of the file.' }),
      type: z
        .enum(assertionTypes, { error: `one of ${assertionTypes.join(', ')}` })
        .prefault('jwt-bearer')
        .meta({
          description:
            'What the provider is told that it is: the JWT of RFC 7523, or a JWT-SVID by the name that SPIFFE has for it.',
        }),
    }),
  )
  .optional()
  .meta({
    description:
      'A file in which the platform keeps a signed assertion of who the gateway is, in place of a secret: of Kubernetes, SPIFFE or a cloud. It is read for each call.',
    short: 'file',
  });

const secretFromKey = z
  .strictObject({
    issuer: text().optional().meta({
      description: 'Who makes it (`iss`), such as the team identifier of Apple; unset, `clientId`.',
    }),
    audience: text()
      .optional()
      .meta({ description: 'For whom it is (`aud`); unset, the issuer identifier of the provider.' }),
  })
  .optional()
  .meta({
    description:
      'Unless `clientSecret` is given, the client secret is a JWT that `privateKey` signs, as Apple asks for: good for an hour, and made anew in time.',
  });

/** How the gateway proves to a provider who it is: keys of a provider. */
export const clientAuthKeys = {
  clientAuth: z
    .enum(clientAuthMethods, { error: `one of ${clientAuthMethods.join(', ')}` })
    .optional()
    .meta({
      description:
        'How the gateway authenticates at the token endpoint and its like. Unset, it follows what is given: `privateKey` or `clientAssertionFile` means private_key_jwt, `tls` alone tls_client_auth, `clientSecret` client_secret_basic, or client_secret_post where the provider supports only that.',
    }),
  privateKey,
  clientAssertionFile,
  secretFromKey,
  assertionAudience: z
    .enum(['issuer', 'tokenEndpoint', 'requestedEndpoint'], {
      error: 'one of issuer, tokenEndpoint, requestedEndpoint',
    })
    .prefault('issuer')
    .meta({
      description:
        'The audience of the assertions of private_key_jwt and client_secret_jwt (RFC 7523 §3): the issuer identifier; or for providers that ask for it, the token URL, or the URL of the endpoint that is asked.',
    }),
  tls,
};
