import { asSet, condition, list } from '../condition.ts';

export const users = condition({
  name: 'users',
  form: list('a user'),
  description: 'The person is one of these.',
  asks: 'person',
  needs: () => ({ roles: ['user'] }),
  key: (values) => asSet(values),
  clauses: (values) => [{ name: 'users', anyOf: values }],
  compile(values) {
    const allowed = new Set(values);
    return ({ user }) => allowed.has(user);
  },
});
