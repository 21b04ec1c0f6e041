import type { Check } from './check.ts';
import { origins, type Whole } from './subjects.ts';

export const publicUrlChecks: readonly Check<Whole>[] = [
  {
    key: 'publicUrl',
    when: (whole) => new Set(origins(whole).map(({ protocol }) => protocol)).size > 1,
    says: 'all origins must have the same scheme, all https or all http.',
  },
];
