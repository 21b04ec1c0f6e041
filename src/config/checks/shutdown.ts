import type { Check } from './check.ts';
import type { Whole } from './subjects.ts';

export const shutdownChecks: readonly Check<Whole>[] = [
  {
    key: ['shutdown', 'delay'],
    when: ({ value: { shutdown } }) =>
      shutdown?.delay !== undefined && shutdown.timeout !== undefined && shutdown.delay >= shutdown.timeout,
    says: 'it is part of `shutdown.timeout`, which leaves no time for requests to end: make it shorter, or the timeout longer.',
  },
];
