import { z } from 'zod';
import { claimPath, emailAddress, emailDomain, flag, network, oneOrMore, parsed, text } from './fields.ts';

const values = (expected: string) => oneOrMore(text(expected), `${expected}, or a list of them`);

/** A claim's value as it may stand in a rule. */
const claimValue = z.union([z.string(), z.number(), z.boolean()], {
  error: 'a text, a number, true or false',
});

/** RFC 6749 §3.3: scopes with a space between them. */
const scopes = parsed('a scope such as files:read', (input) =>
  /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(input) ? input : undefined,
);

const alternative = z
  .strictObject({
    groups: values('a group').optional().meta({ description: 'One of these groups is among the person’s.' }),
    emails: oneOrMore(emailAddress(), 'an email address such as ada@example.com, or a list of them')
      .optional()
      .meta({ description: 'The email address is one of these, and verified.' }),
    emailDomains: oneOrMore(emailDomain(), 'a domain such as example.com, or a list of them')
      .optional()
      .meta({ description: 'The email address is of one of these domains, exactly, and verified.' }),
    users: values('a user').optional().meta({ description: 'The person is one of these.' }),
    claims: z
      .record(claimPath(), oneOrMore(claimValue, 'a value or a list of values'), {
        error: 'a map of claims to values',
      })
      .optional()
      .meta({ description: 'Each of these claims has one of its values, or has it in its list.' }),
    networks: oneOrMore(network(), 'a network such as 10.0.0.0/8, or a list of them')
      .optional()
      .meta({ description: 'The request comes from one of these networks.' }),
    bearer: flag().optional().meta({
      description: 'True: a client with an access token of its own. False: somebody with a session.',
    }),
    scope: oneOrMore(scopes, 'a scope such as files:read, or a list of them').optional().meta({
      description:
        'The access token that a client brought has one of these scopes; of `a b` it must have both.',
    }),
  })
  .refine((conditions) => Object.values(conditions).some((condition) => condition !== undefined), {
    error: 'an alternative with at least one condition, such as groups',
  });

const levels = ['public', 'signed-in'] as const;
const expected = 'public, signed-in, or a list of alternatives such as [{ groups: admins }]';

/** Who may pass: a level, or alternatives of which one must hold with all of its conditions. */
export const allowRule = () =>
  z.union([z.enum(levels), z.array(alternative).min(1, { error: expected })], { error: expected });

/** One way to be allowed; every condition in it must hold. */
export type Alternative = z.output<typeof alternative>;
export type AllowRule = (typeof levels)[number] | Alternative[];
