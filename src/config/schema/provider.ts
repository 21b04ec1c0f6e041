import { z } from 'zod';
import type { EgressRules } from '../../egress/rules.ts';
import { asymmetricAlgorithms, secretAlgorithms } from './algorithms.ts';
import { clientAuthKeys } from './client-auth.ts';
import {
  claimPath,
  credential,
  duration,
  emailDomain,
  endpointUrl,
  flag,
  oneOrMore,
  parsed,
  proxyOrOff,
  text,
} from './fields.ts';
import { loginRequestKeys } from './login-request.ts';
import { providerKind } from './provider-kind.ts';
import { flagWords, spelled } from './spellings.ts';

/** Where a person's claims are, of a provider and of an issuer of access tokens. */
const claimsObject = z.strictObject({
  user: claimPath().prefault('sub').meta({ description: 'The claim that names the person.' }),
  email: claimPath().prefault('email').meta({ description: 'The claim with the email address.' }),
  emailVerified: claimPath()
    .prefault('email_verified')
    .meta({ description: 'The claim that says whether the email address is verified.' }),
  username: claimPath()
    .prefault('preferred_username')
    .meta({ description: 'The claim that headers and rules know as `preferred_username`.' }),
  name: claimPath().prefault('name').meta({ description: 'The claim with the name for people to read.' }),
  groups: claimPath().prefault('groups').meta({ description: 'The claim with the groups or roles.' }),
  groupsSeparator: text('what stands between two groups, such as a comma').optional().meta({
    description:
      'What stands between the groups of a claim that is one text, exactly. Unset, such a text is one group.',
  }),
});

const claimsMeta = {
  description: 'Which claims say who the person is, as dotted paths, such as `realm_access.roles`.',
};

export const claims = claimsObject.prefault({}).meta(claimsMeta);

const providerClaims = claimsObject
  .extend({
    from: z.enum(['access_token'], { error: 'access_token' }).optional().meta({
      description:
        'With `access_token`, claims are read in the access token too, a JWT whose signature, issuer and end are checked: what the ID token says counts more, and what userinfo says less.',
    }),
  })
  .prefault({})
  .meta(claimsMeta);

const idTokenAlgorithms = [...asymmetricAlgorithms, 'Ed25519', ...secretAlgorithms] as const;
const idTokenAlgorithm = z.enum(idTokenAlgorithms, { error: `one of ${idTokenAlgorithms.join(', ')}` });

export const providerSchema = z
  .strictObject({
    issuer: endpointUrl()
      .optional()
      .meta({
        description:
          'The issuer identifier, exactly as the provider states it. Its endpoints are found by discovery, unless all of them are given by hand. Only `type: oauth2` with endpoints by hand does without.',
        examples: ['https://id.example.com/realms/main'],
      }),
    clientId: credential('a client identifier').meta({
      description: 'The client identifier that the provider issued.',
    }),
    clientSecret: credential('a client secret')
      .optional()
      .meta({ description: 'The client secret; none for a public client.', secret: true }),
    ...clientAuthKeys,
    metadataUrl: endpointUrl()
      .optional()
      .meta({
        description:
          'Where the metadata of the provider are read, in place of the issuer with `/.well-known/openid-configuration` behind it: an internal address, or an unusual one. They have to name the issuer all the same. Endpoints that are given by hand win over them.',
        examples: ['http://127.0.0.1:8080/realms/main/.well-known/openid-configuration'],
      }),
    authorizationEndpoint: endpointUrl()
      .optional()
      .meta({ description: 'The authorization URL, by hand instead of by discovery.' }),
    tokenEndpoint: endpointUrl()
      .optional()
      .meta({ description: 'The token URL, by hand instead of by discovery.' }),
    userinfoEndpoint: endpointUrl()
      .optional()
      .meta({ description: 'The userinfo URL, by hand instead of by discovery.' }),
    jwksUri: endpointUrl()
      .optional()
      .meta({ description: "The URL of the provider's keys, by hand instead of by discovery." }),
    endSessionEndpoint: endpointUrl()
      .optional()
      .meta({ description: 'The RP-initiated logout URL, by hand instead of by discovery.' }),
    revocationEndpoint: endpointUrl()
      .optional()
      .meta({ description: 'The token revocation URL (RFC 7009), by hand instead of by discovery.' }),
    introspectionEndpoint: endpointUrl().optional().meta({
      description:
        'The token introspection URL (RFC 7662), by hand instead of by discovery: with `type: oauth2` it says who somebody is where there is no userinfo endpoint.',
    }),
    pkce: flag().prefault(true).meta({
      description:
        'PKCE with S256 (RFC 7636), which a login always has. Only with `type: oauth2` it can be turned off, for a provider that refuses its parameters.',
    }),
    pushedAuthorizationRequestEndpoint: endpointUrl().optional().meta({
      description: 'The URL of pushed authorization requests (RFC 9126), by hand instead of by discovery.',
    }),
    idTokenAlgorithms: oneOrMore(
      idTokenAlgorithm,
      `one of ${idTokenAlgorithms.join(', ')}, or a list of them`,
    )
      .optional()
      .meta({
        description:
          'What ID tokens, logout tokens and signed userinfo answers may be signed with. Unset, whatever of it is asymmetric and the provider states, RS256 where it states nothing; for logout tokens RS256 alone where that is among it. HS256, HS384 and HS512 count only if they are named here, with a `clientSecret` of 32, 48 or 64 bytes.',
        examples: [['RS256']],
      }),
    ...providerKind,
    scopes: z
      .array(text('a scope such as openid'), { error: 'a list of scopes such as [openid, email]' })
      .prefault(['openid', 'profile', 'email'])
      .meta({ description: 'The scopes to ask for; with OpenID Connect, `openid` is always among them.' }),
    authorizationParams: z
      .record(z.string(), text(), { error: 'a map of parameter names to values' })
      .prefault({})
      .meta({
        description: 'More parameters for the authorization request, such as `ui_locales`.',
      }),
    ...loginRequestKeys,
    claims: providerClaims,
    userinfo: spelled(flagWords, z.union([z.boolean(), z.literal('auto')], { error: 'true, false or auto' }))
      .prefault('auto')
      .meta({
        description:
          'Whether the userinfo endpoint is asked at login: always, never, or (`auto`) when the ID token lacks a claim that this configuration uses.',
      }),
    insecureUnverifiedEmail: flag().prefault(false).meta({
      description:
        'Lets rules on emails and email domains count addresses that the provider says are not verified.',
    }),
    label: text()
      .optional()
      .meta({ description: 'The name on its button of the sign-in page; unset, the key below `providers`.' }),
    icon: parsed('an https:// URL of an image, or a data:image/… URL', (input) =>
      /^(https:\/\/[^\s"'<>;,]+|data:image\/(png|svg\+xml|webp|jpeg|gif);base64,[A-Za-z0-9+/=]+)$/.test(input)
        ? input
        : undefined,
    )
      .optional()
      .meta({ description: 'A picture for its button: an https URL, or a data URL.' }),
    match: z
      .strictObject({
        emailDomains: oneOrMore(emailDomain(), 'a domain such as example.com, or a list of them').meta({
          description: 'Whoever gives an address of one of these domains on the sign-in page goes here.',
        }),
      })
      .optional()
      .meta({
        description:
          'Which people sign in here. The sign-in page then asks for the email address, and passes it on as `login_hint`.',
      }),
    ownCallback: flag().prefault(false).meta({
      description:
        'Gives this provider a redirect URI of its own, `/oauth2/callback/<name>`, against mix-up (RFC 9700 §4.4): for one that does not name itself in its answers (RFC 9207).',
    }),
    ca: text().optional().meta({
      description: 'A PEM file of certificate authorities for the provider, beside the usual ones.',
    }),
    proxy: proxyOrOff().optional().meta({
      description:
        'The forward proxy that every call to the provider goes through. Unset, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the environment say; `off` for none.',
      secret: true,
    }),
    timeout: duration()
      .prefault('10s')
      .meta({ description: 'How long one call to the provider may take, answer included.' }),
    clockTolerance: duration().prefault('30s').meta({
      description:
        "How far the provider's clock may differ from the gateway's, in what it signs: ID tokens, logout tokens, signed responses.",
    }),
    insecureHttp: flag().prefault(false).meta({
      description:
        'Allows plain http to a provider that is not on loopback. Anybody on the path can then sign in as anybody.',
    }),
  })
  .meta({ description: 'The OpenID provider that people sign in with.' });

/** Names that fit into an address, a cookie and the name of an environment variable. */
const providerName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, {
  error: 'a name of small letters, digits and -, such as corp',
});

export const providersSchema = z
  .record(providerName, providerSchema, { error: 'a map of names to providers' })
  .prefault({});

/** A valid provider; one that names no issuer goes by the origin of its authorization endpoint. */
export type ProviderConfig = z.output<typeof providerSchema> & { issuer: string; egress: EgressRules };
