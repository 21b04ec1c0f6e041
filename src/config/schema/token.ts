import { z } from 'zod';
import { credential, endpointUrl, flag, oneOrMore, text } from './fields.ts';
import { flagWords, spelled } from './spellings.ts';

/** RFC 6749 §3.3: a scope is visible ASCII without quotes. */
const scope = () =>
  text('a scope such as read').regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, { error: 'a scope such as read' });

const client = z.strictObject(
  {
    clientId: credential('a client identifier').meta({ description: 'The client identifier.' }),
    clientSecret: credential('a client secret').meta({ description: 'The client secret.', secret: true }),
  },
  { error: 'true, or clientId and clientSecret' },
);

/** Parameters of a token request that the gateway sets itself, or that have keys of their own. */
export const reservedTokenParams: readonly string[] = [
  ...['grant_type', 'client_id', 'client_secret', 'client_assertion', 'client_assertion_type'],
  ...['subject_token', 'subject_token_type', 'requested_token_type', 'actor_token', 'actor_token_type'],
  ...['refresh_token', 'code', 'code_verifier', 'redirect_uri', 'assertion', 'username', 'password'],
  ...['scope', 'audience', 'resource'],
];

/** An access token that one upstream gets, made for it alone. */
export const token = () =>
  z
    .strictObject({
      exchange: flag().prefault(false).meta({
        description: 'Exchanges the access token of whoever asks for one for this upstream (RFC 8693).',
      }),
      clientCredentials: spelled(
        flagWords,
        z.union([z.boolean(), client], { error: 'true, or clientId and clientSecret' }),
      )
        .prefault(false)
        .meta({
          description:
            'With `true`, takes a token of the gateway’s own client (RFC 6749 §4.4), whoever asks; with `clientId` and `clientSecret`, that of another client.',
        }),
      resource: oneOrMore(
        endpointUrl(),
        'the URL of a resource such as https://api.example.com, or a list of them',
      )
        .optional()
        .meta({
          description:
            'What the token is for, as a URL (RFC 8707). By itself, the refresh token of the session gets it.',
        }),
      audience: oneOrMore(
        text('an audience such as https://api.example.com'),
        'an audience, or a list of them',
      )
        .optional()
        .meta({ description: 'What the token is for, in the words of the provider (RFC 8693 §2.1).' }),
      scopes: z
        .array(scope(), { error: 'a list of scopes such as [read]' })
        .optional()
        .meta({ description: 'The scopes to ask for; unset, the provider chooses.' }),
      params: z
        .record(z.string(), text(), { error: 'a map of parameter names to values' })
        .prefault({})
        .meta({
          description: 'More parameters of the token request, such as `connector_id` for an exchange at Dex.',
        }),
      provider: text('the name of a provider').optional().meta({
        description:
          'The provider that gives the token: of client credentials, where there are several; of a client that brings a token, where that is not of a provider.',
      }),
    })
    .optional();

export type TokenConfig = NonNullable<z.output<ReturnType<typeof token>>>;
