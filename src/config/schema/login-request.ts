import { z } from 'zod';
import { duration, flag, oneOrMore, parsed, text } from './fields.ts';
import { flagWords, spelled } from './spellings.ts';

/** Parameters that the login itself sets; letting a file override them would undo its protection. */
export const reservedAuthorizationParams: readonly string[] = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'dpop_jkt',
  'request',
  'request_uri',
];

/** Keys that stand for a parameter of the authorization request, and that parameter. */
export const parameterKeys: Readonly<Record<string, string>> = {
  resource: 'resource',
  maxAge: 'max_age',
  prompt: 'prompt',
  acrValues: 'acr_values',
  claimsParameter: 'claims',
};

const allowedParams = ['prompt', 'max_age', 'acr_values', 'login_hint', 'ui_locales'] as const;

function parseResource(input: string): string | undefined {
  return URL.canParse(input) && !input.includes('#') ? input : undefined;
}

/** A value that is true, false or `auto`; the environment gives text. */
const flagOrAuto = () =>
  spelled(flagWords, z.union([z.boolean(), z.literal('auto')], { error: 'true, false or auto' }));

/** The JSON text of an object, given as a map or as that text. */
function parseClaims(input: unknown): string | undefined {
  try {
    const value: unknown = typeof input === 'string' ? JSON.parse(input) : input;
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? JSON.stringify(value)
      : undefined;
  } catch {
    return;
  }
}

const claimsForm = 'a map such as { id_token: { acr: { essential: true } } }, or the same as JSON text';

/** What the authorization request asks, and how it travels: keys of a provider. */
export const loginRequestKeys = {
  prompt: text('a prompt such as login')
    .optional()
    .meta({ description: 'What the provider does with somebody it knows: `login`, `select_account` …' }),
  maxAge: duration().optional().meta({
    description:
      'How long ago the person may have signed in at the provider. `auth_time` of the ID token is checked.',
  }),
  acrValues: oneOrMore(text('an authentication context'), 'an authentication context, or a list of them')
    .optional()
    .meta({ description: 'The authentication contexts to ask for, the preferred one first.' }),
  claimsParameter: z
    .union([z.string(), z.record(z.string(), z.unknown())], { error: claimsForm })
    .transform((value, context): string => {
      const json = parseClaims(value);
      if (json !== undefined) return json;
      context.issues.push({ code: 'custom', message: claimsForm, input: value });
      return z.NEVER;
    })
    .optional()
    .meta({ description: 'The `claims` request parameter (OpenID Connect Core §5.5), as a map or as JSON.' }),
  resource: oneOrMore(
    parsed('an absolute URI such as https://api.example.com', parseResource),
    'an absolute URI, or a list of them',
  )
    .optional()
    .meta({ description: 'What the access token is for (RFC 8707): the identifier of an API, or several.' }),
  allowedParams: z
    .array(z.enum(allowedParams, { error: `one of ${allowedParams.join(', ')}` }), {
      error: `a list out of ${allowedParams.join(', ')}`,
    })
    .prefault([])
    .meta({ description: 'Which parameters of `/oauth2/start?…` are passed on to the provider.' }),
  par: flagOrAuto().prefault('auto').meta({
    description:
      'Pushed authorization requests (RFC 9126): the browser carries only a reference. `auto`: where the provider requires them.',
  }),
  requestObject: flag()
    .prefault(false)
    .meta({ description: 'Signs the authorization request with `privateKey` (JAR, RFC 9101).' }),
  jarm: flag().prefault(false).meta({
    description: 'Asks for signed authorization responses (JARM). One that is not signed is then refused.',
  }),
  responseMode: z.enum(['query', 'form_post'], { error: 'one of query, form_post' }).prefault('query').meta({
    description:
      'How the authorization response comes back: in the URL, or as a form that the browser posts. The latter needs https, since its login cookie is `SameSite=None`.',
  }),
  dpop: flag().prefault(false).meta({
    description:
      'Binds tokens to a key of the session (DPoP, RFC 9449). Such an access token is of no use to an application, so `{access_token}` is then empty.',
  }),
  profile: z.enum(['standard', 'fapi2'], { error: 'one of standard, fapi2' }).prefault('standard').meta({
    description:
      '`fapi2` turns on what the FAPI 2.0 Security Profile asks of a client, and refuses what it forbids.',
  }),
};
