import { z } from 'zod';
import type { Condition, Form } from '../../access/condition.ts';
import { type Alternative, conditions } from '../../access/conditions/index.ts';
import { type AllowRule, levels } from '../../access/rule.ts';
import { claimPath, flag, oneOrMore, parsed, text } from './fields.ts';

/** A claim's value as it may stand in a rule. */
const claimValue = z.union([z.string(), z.number(), z.boolean()], {
  error: 'a text, a number, true or false',
});

/** The schema of a condition's value, by what the condition says of it. */
function schemaOf(form: Form): z.ZodType {
  switch (form.kind) {
    case 'list':
      return oneOrMore(form.parse ? parsed(form.item, form.parse) : text(form.item), form.list);
    case 'flag':
      return flag();
    case 'claims':
      return z.record(claimPath(), oneOrMore(claimValue, 'a value or a list of values'), {
        error: 'a map of claims to values',
      });
  }
}

const member = ({ name, form, description }: Condition) => [
  name,
  schemaOf(form).optional().meta({ description }),
];

const [{ name: usual } = { name: '' }] = conditions;

const alternative = z
  .strictObject(Object.fromEntries(conditions.map(member)) as Record<string, z.ZodType>)
  .refine((given) => Object.values(given).some((value) => value !== undefined), {
    error: `an alternative with at least one condition, such as ${usual}`,
    // The table of conditions has the types of their values.
  }) as unknown as z.ZodType<Alternative>;

const expected = `public, signed-in, or a list of alternatives such as [{ ${usual}: admins }]`;

/** Who may pass: a level, or alternatives of which one must hold with all of its conditions. */
export const allowRule = (): z.ZodType<AllowRule> =>
  z.union([z.enum(levels), z.array(alternative).min(1, { error: expected })], { error: expected });
