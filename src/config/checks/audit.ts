import type { Check } from './check.ts';
import type { Whole } from './subjects.ts';

export const auditChecks: readonly Check<Whole>[] = [
  {
    key: ['audit', 'stdout'],
    when: ({ value: { audit } }) =>
      typeof audit === 'object' && audit.stdout === true && audit.file !== undefined,
    says: 'lines go to one place: give `file` or `stdout`.',
  },
  {
    key: ['audit', 'stdout'],
    when: ({ value: { audit } }) =>
      typeof audit === 'object' && audit.stdout === false && audit.file === undefined,
    says: 'this leaves no place for lines: give `file`, or say `audit: off`.',
  },
];
