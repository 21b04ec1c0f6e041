import { z } from 'zod';
import { duration, oneOrMore, parsed } from './fields.ts';

const most = 16;
const expected = 'an authentication context class such as urn:example:mfa';

/** One word of visible ASCII: several are sent with spaces between, and stand in quotes in a header. */
const acr = () =>
  parsed(expected, (input) => (/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(input) ? input : undefined));

/** How strongly and how lately people must have signed in (RFC 9470). */
export const stepUp = () =>
  z
    .strictObject({
      acr: oneOrMore(acr(), `${expected}, or a list of them`)
        .refine((values) => values.length <= most, { error: `at most ${most} values` })
        .optional()
        .meta({
          description:
            'The authentication context classes of which the sign-in must have one, the best one first.',
        }),
      maxAge: duration()
        .refine((ms) => ms >= 1000, { error: 'a second or longer' })
        .optional()
        .meta({ description: 'How long ago the person may have authenticated at the provider.' }),
    })
    .refine(({ acr: values, maxAge }) => values !== undefined || maxAge !== undefined, {
      error: 'acr or maxAge, or both',
    })
    .optional();

/** What is asked of a sign-in; `maxAge` in milliseconds. */
export type StepUpConfig = NonNullable<z.output<ReturnType<typeof stepUp>>>;
