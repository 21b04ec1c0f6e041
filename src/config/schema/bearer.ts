import { z } from 'zod';
import type { EgressRules } from '../../egress/rules.ts';
import { asymmetricAlgorithms } from './algorithms.ts';
import { credential, duration, endpointUrl, flag, oneOrMore, proxyOrOff, text } from './fields.ts';
import { claims } from './provider.ts';

/** What only the issuer can sign with. `none` and keys that both sides share are not among them (RFC 8725 §3.1). */
const tokenAlgorithms = [...asymmetricAlgorithms, 'Ed25519'] as const;

const clientAuthMethods = ['client_secret_basic', 'client_secret_post'] as const;

/** One issuer of access tokens that clients bring along. */
const bearerSchema = z.strictObject({
  issuer: endpointUrl()
    .optional()
    .meta({
      description:
        'The issuer identifier, as tokens name it in `iss`; a slash at the end is forgiven. Required for JWT access tokens; with introspection it is compared where it is given.',
      examples: ['https://id.example.com/realms/main'],
    }),
  audience: oneOrMore(text(), 'an audience such as https://api.example.com, or a list of them')
    .optional()
    .meta({
      description:
        'Of these audiences a token must name one in its `aud`. A route with `resource` asks for that instead. It may be absent where every route has a `resource`, and with introspection: then a token may name no audience, or has to name `clientId`.',
      examples: ['https://api.example.com'],
    }),
  jwksUri: endpointUrl().optional().meta({
    description:
      "The URL of the issuer's keys; unset, they are found by OpenID Connect Discovery or RFC 8414.",
  }),
  algorithms: z
    .array(z.enum(tokenAlgorithms, { error: `one of ${tokenAlgorithms.join(', ')}` }), {
      error: `a list of algorithms such as [RS256, ES256]`,
    })
    .min(1, { error: 'a list of at least one algorithm' })
    .prefault([...tokenAlgorithms])
    .meta({ description: 'The algorithms that a token may be signed with.' }),
  type: oneOrMore(text('a type such as at+jwt'), 'a type such as at+jwt, or a list of them')
    .prefault('at+jwt')
    .meta({
      description:
        'What the header `typ` of a JWT must say (RFC 9068 §4). Issuers that do not follow RFC 9068 write `JWT`.',
    }),
  insecureIdToken: flag().prefault(false).meta({
    description:
      'ID tokens for one of `audience` count as well. They are made for a client and not for an API: whoever a client of these shows its ID token to can come here as that person.',
  }),
  introspectionEndpoint: endpointUrl().optional().meta({
    description:
      'Where tokens are looked up (RFC 7662), for those that are no JWT; `clientId` and `clientSecret` then say who asks.',
  }),
  clientId: credential('a client identifier')
    .optional()
    .meta({ description: 'The client identifier for introspection.' }),
  clientSecret: credential('a client secret')
    .optional()
    .meta({ description: 'The client secret for introspection.', secret: true }),
  clientIds: oneOrMore(text(), 'a client identifier, or a list of them').optional().meta({
    description:
      'The clients whose tokens count where the answer of the introspection names no audience, by its `client_id`. On a route with `resource` such a token never counts.',
  }),
  clientAuth: z
    .enum(clientAuthMethods, { error: `one of ${clientAuthMethods.join(', ')}` })
    .prefault('client_secret_basic')
    .meta({ description: 'How the gateway authenticates at the introspection endpoint.' }),
  claims,
  requireVerifiedEmail: flag()
    .prefault(false)
    .meta({ description: 'Rules on emails count only addresses that the issuer says are verified.' }),
  clockTolerance: duration()
    .prefault('30s')
    .meta({ description: "How far the issuer's clock may differ from the gateway's." }),
  ca: text().optional().meta({
    description: 'A PEM file of certificate authorities for the issuer, beside the usual ones.',
  }),
  proxy: proxyOrOff().optional().meta({
    description:
      'The forward proxy that every call to the issuer goes through. Unset, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the environment say; `off` for none.',
    secret: true,
  }),
  timeout: duration()
    .prefault('5s')
    .meta({ description: 'How long one call to the issuer may take, answer included.' }),
  insecureHttp: flag().prefault(false).meta({
    description:
      'Allows plain http to an issuer that is not on loopback. Anybody on the path can then make tokens.',
  }),
});

export const bearerSchemas = z
  .array(bearerSchema, { error: 'a list of issuers of access tokens' })
  .prefault([])
  .meta({
    description:
      'Whose access tokens programs may bring instead of a session: JWTs by their issuer, or opaque tokens by an introspection endpoint.',
  });

export type BearerConfig = z.output<typeof bearerSchema> & { egress: EgressRules };
