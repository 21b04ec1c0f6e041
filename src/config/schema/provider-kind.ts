import { z } from 'zod';
import { presetNames } from '../presets/index.ts';
import { claimPath, duration, endpointUrl, flag, oneOrMore, parsed, text } from './fields.ts';

/** The keys of a provider that say what it is, and where else it tells of its people. */

const parameter = (description: string) => text().optional().meta({ description });

const presetObject = z.strictObject({
  name: z
    .enum(presetNames, { error: `one of ${presetNames.join(', ')}` })
    .meta({ description: 'The provider whose defaults are laid under these keys.' }),
  url: parameter(
    'The address of an installation: Keycloak, GitLab, GitHub Enterprise Server; of Entra, that of a national cloud.',
  ),
  api: parameter('The address of the API that tells of groups, of Entra and GitHub.'),
  realm: parameter('The realm of Keycloak.'),
  tenant: parameter('The tenant of Entra: its identifier, or `organizations`, `common`, `consumers`.'),
  domain: parameter('The domain of Okta or Auth0, or the one of the sign-in pages of Cognito.'),
  authorizationServer: parameter('The custom authorization server of Okta, such as `default`.'),
  region: parameter('The AWS region of the user pool of Cognito.'),
  userPool: parameter('The identifier of the user pool of Cognito.'),
  hostedDomain: oneOrMore(text(), 'a domain such as example.com, or a list of them')
    .optional()
    .meta({ description: 'The Google Workspace domain whose people may sign in, or several of them.' }),
  teamId: parameter('The team identifier of Apple.'),
});

const preset = z
  .preprocess((value) => (typeof value === 'string' ? { name: value } : value), presetObject)
  .optional()
  .meta({
    description:
      'The defaults for a well-known provider, by name or with its parameters; every key wins over them.',
    short: 'name',
  });

const scalar = z
  .union([z.string(), z.number(), z.boolean()], { error: 'a text, a number, true or false' })
  .transform(String);

/** A dotted path, or a text with dotted paths in braces. */
const itemValue = parsed(
  'a dotted path such as slug, or a text such as {organization.login}/{slug}',
  (input) => (/^([^\s{}|]+|[^{}]*(\{[^\s{}|]+\}[^{}]*)+)$/.test(input) ? input : undefined),
);

const source = z.strictObject({
  endpoint: endpointUrl().meta({ description: 'The address that is asked with the access token.' }),
  claim: claimPath().meta({
    description: 'The claim that is made of the answer; sources of the same claim add up.',
  }),
  items: claimPath()
    .optional()
    .meta({ description: 'The dotted path of the list in the answer; unset, the answer is the list.' }),
  where: z
    .record(z.string(), scalar, { error: 'a map of dotted paths to values' })
    .prefault({})
    .meta({ description: 'Only the items that have these values at these dotted paths count.' }),
  value: itemValue.meta({
    description: 'What is taken of each item: a dotted path, or a text with dotted paths in braces.',
  }),
  first: flag()
    .prefault(false)
    .meta({ description: 'The claim is the first value alone instead of the list of all.' }),
  ifClaim: claimPath()
    .optional()
    .meta({ description: 'Asked only when the other claims have something at this dotted path.' }),
  nextPage: claimPath().optional().meta({
    description:
      'The dotted path of the next page’s address in the answer; a Link header (RFC 8288) is always followed. Both within the same origin.',
  }),
  optional: flag().prefault(false).meta({
    description:
      'A refusal (403, 404) leaves the claim out, with a warning in the log, instead of failing the login.',
  }),
});

/** A URL with one claim of the ID token in braces. */
const issuerTemplate = parsed(
  'an https:// URL with one claim in braces, such as https://login.example.com/{tid}/v2.0',
  (input) =>
    /^[^{}]*\{[A-Za-z_]+\}[^{}]*$/.test(input) && URL.canParse(input.replace(/[{}]/g, ''))
      ? input
      : undefined,
);

export const providerKind = {
  preset,
  type: z.enum(['oidc', 'oauth2'], { error: 'one of oidc, oauth2' }).prefault('oidc').meta({
    description:
      'OpenID Connect, or plain OAuth 2.0: no ID token, and the userinfo endpoint says who somebody is.',
  }),
  issuerTemplate: issuerTemplate.optional().meta({
    description:
      'For a provider whose tenants have issuers of their own: the issuer of ID tokens, with the claim that names the tenant in braces. `tenants` says which are let in.',
  }),
  tenants: oneOrMore(text('the identifier of a tenant'), 'the identifier of a tenant, or a list of them')
    .optional()
    .meta({ description: 'The tenants whose people may sign in, where `issuerTemplate` has many.' }),
  insecureAnyTenant: flag()
    .prefault(false)
    .meta({ description: 'Lets in people of every tenant of the provider: of everybody who opens one.' }),
  requiredClaims: z
    .record(claimPath(), oneOrMore(scalar, 'a value, or a list of values'), {
      error: 'a map of claims to values',
    })
    .prefault({})
    .meta({
      description: 'Nobody signs in without one of these values in each of these claims.',
    }),
  sources: z.array(source, { error: 'a list of claim sources' }).prefault([]).meta({
    description: 'More addresses at which the provider tells of its people, such as groups from an API.',
  }),
  refreshClaims: duration().optional().meta({
    description:
      'Asks userinfo and `sources` again on this interval, so that groups that were taken away have an effect. Unset, claims are refreshed with the tokens only.',
  }),
  postedName: flag().prefault(false).meta({
    description:
      'Takes the name that the provider posts beside the code at somebody’s first login, as Apple does. Nobody signed it: no rule may rest on it.',
  }),
  requireVerifiedEmail: flag().prefault(false).meta({
    description:
      'Rules on emails count only addresses that the provider says are verified; unset, all but those that it says are not.',
  }),
  endSessionParams: z
    .record(z.string(), text(), { error: 'a map of parameter names to values' })
    .optional()
    .meta({
      description:
        'The parameters of the logout URL in place of the standard ones, with `{client_id}`, `{return_to}` and `{id_token}` in their values.',
    }),
};

export type ClaimSource = z.output<typeof source>;
