import { z } from 'zod';
import { auditEventNames } from '../../observe/audit-events.ts';
import { flag, hasControlCharacter, parsed } from './fields.ts';
import { bareOff, spelled, word } from './spellings.ts';

const expected = 'off, stdout, or a map with file or stdout, and include';

/** A name without a slash is more likely one of the words, misspelt, than a file of the folder it is started in. */
const file = parsed('the path of a file such as /var/log/sallyport/audit.jsonl', (input) =>
  /\/[^/\0]+$/.test(input) && !hasControlCharacter(input) ? input : undefined,
);

const places = z.strictObject({
  file: file.optional().meta({
    description:
      'The file that lines are appended to. One that is renamed is left for a new one at the same path.',
  }),
  stdout: flag().optional().meta({
    description: 'Standard output, beside the lines of the log. Without `file` it is that anyway.',
  }),
  include: z
    .array(z.enum(auditEventNames, { error: `one of ${auditEventNames.join(', ')}` }), {
      error: 'a list of events such as [login, login_failed]',
    })
    .min(1, { error: 'at least one event; or say `audit: off`' })
    .optional()
    .meta({ description: 'The events that lines are written of; all of them when unset.' }),
});

/** Who did what, as lines for those who have to prove it. */
export const audit = spelled(
  [bareOff, word('stdout', { stdout: true })],
  z.union([z.literal('off'), places], { error: expected }),
)
  .prefault({})
  .meta({
    description:
      'One JSON line for each login, refusal, sign-out, ended session, reload and admin call; or `off`, or `stdout`.',
  });
