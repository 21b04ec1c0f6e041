import { asSet, condition, parsedList } from '../condition.ts';
import { parseEmailDomain, verifiedEmail, withoutCase } from '../email.ts';

export const emailDomains = condition({
  name: 'emailDomains',
  form: parsedList({
    item: 'a domain such as example.com, without @ and *',
    list: 'a domain such as example.com, or a list of them',
    parse: parseEmailDomain,
  }),
  description: 'The email address is of one of these domains, exactly, and verified.',
  asks: 'person',
  needs: () => ({ roles: ['email', 'emailVerified'] }),
  key: (values) => asSet(withoutCase(values)),
  compile(values) {
    const allowed = new Set(withoutCase(values));
    return (person) => {
      const email = verifiedEmail(person);
      return email !== undefined && allowed.has(email.slice(email.indexOf('@') + 1));
    };
  },
});
