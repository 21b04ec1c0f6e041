import { asSet, condition, parsedList } from '../condition.ts';
import { emailAddressItem, verifiedEmail, withoutCase } from '../email.ts';

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
  compile(values) {
    const allowed = new Set(withoutCase(values));
    return (person) => {
      const email = verifiedEmail(person);
      return email !== undefined && allowed.has(email);
    };
  },
});
