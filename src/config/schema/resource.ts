import { z } from 'zod';
import { endpointUrl, parsed, text } from './fields.ts';

/** RFC 6749 §3.3: one scope, in characters that fit into a quoted string. */
const scope = () =>
  parsed('a scope such as files:read', (input) =>
    /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(input) ? input : undefined,
  );

/** RFC 8707 §2 and RFC 9728 §1.2, less the query, which no path of the gateway could stand for. */
const identifier = () =>
  parsed(
    'the URL of the resource without query and fragment, such as https://app.example.com/mcp',
    (input) => {
      const isPlain = /^https?:\/\/[^/?#]+(\/[A-Za-z0-9._~/-]*)?$/.test(input);
      return isPlain && endpointUrl().safeParse(input).success ? input : undefined;
    },
  );

const resourceObject = z.strictObject({
  identifier: identifier().meta({
    description: 'The resource identifier: the URL by which clients know this application.',
    examples: ['https://app.example.com/mcp'],
  }),
  scopes: z
    .array(scope(), { error: 'a list of scopes such as [files:read]' })
    .min(1, { error: 'a list of at least one scope' })
    .optional()
    .meta({ description: 'The scopes that clients may ask for: `scopes_supported`.' }),
  name: text().optional().meta({ description: 'Its name for people: `resource_name`.' }),
  documentation: endpointUrl()
    .optional()
    .meta({ description: 'A page for developers of clients: `resource_documentation`.' }),
  authorizationServers: z
    .array(endpointUrl(), { error: 'a list of issuer identifiers' })
    .min(1, { error: 'a list of at least one issuer identifier' })
    .optional()
    .meta({
      description: 'The issuers that give tokens for it; unset, those of `bearer`: `authorization_servers`.',
    }),
});

/** An application that is an OAuth 2.0 protected resource of its own, such as an MCP server. */
export const resource = () =>
  z
    .preprocess((value) => (typeof value === 'string' ? { identifier: value } : value), resourceObject)
    .optional()
    .meta({
      description:
        'Makes the route a protected resource (RFC 9728): its metadata is served at the well-known URL, its 401 names that, and tokens must be meant for it (RFC 8707). The identifier, or an object.',
      short: 'identifier',
    });

export type ResourceConfig = z.output<typeof resourceObject>;
