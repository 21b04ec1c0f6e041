import { asSet, condition, parsedList } from '../condition.ts';
import { domainOf, emailAddressItem, partIsAmong, withoutCase } from '../email.ts';

export const emails = condition({
  name: 'emails',
  form: parsedList({
    ...emailAddressItem,
    list: 'an email address such as ada@example.com, or a list of them',
  }),
  description: 'The email address is one of these, and verified.',
  asks: 'person',
  needs: () => ({ roles: ['email', 'emailVerified'] }),
  key: (values) => asSet(withoutCase(values)),
  clauses: (values) => [
    {
      name: 'emails',
      anyOf: withoutCase(values),
      implies: (email) => ({ name: 'emailDomains', fact: domainOf(email) }),
    },
  ],
  compile: (values) => partIsAmong(values, (email) => email),
});
