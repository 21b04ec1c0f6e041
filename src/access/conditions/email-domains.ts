import { asSet, condition, parsedList } from '../condition.ts';
import { domainOf, emailDomainItem, partIsAmong, withoutCase } from '../email.ts';

export const emailDomains = condition({
  name: 'emailDomains',
  form: parsedList({
    ...emailDomainItem,
    list: 'a domain such as example.com, or a list of them',
  }),
  description: 'The email address is of one of these domains, exactly, and verified.',
  asks: 'person',
  needs: () => ({ roles: ['email', 'emailVerified'] }),
  key: (values) => asSet(withoutCase(values)),
  clauses: (values) => [{ name: 'emailDomains', anyOf: withoutCase(values) }],
  compile: (values) => partIsAmong(values, domainOf),
});
